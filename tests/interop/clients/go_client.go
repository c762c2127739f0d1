// An HTTP/2 client for interoperability tests of `h2 serve`, made with Go's
// net/http (https) and golang.org/x/net/http2 (http with prior knowledge).
//
//	go_client ORIGIN CA_FILE SCENARIO
//	go_client --version
//
// ORIGIN is https://localhost:PORT or http://localhost:PORT; CA_FILE is a PEM
// file with the certificate to trust; SCENARIO is a name in `scenarios` below.
// Exit status: 0 verified (one line says what), 1 a difference (the reason is
// on stderr), 2 usage, 3 the library has no way to do that.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
)

var (
	origin      string
	client      *http.Client
	connections int32 // Dialled so far.
)

// A difference; `main` recovers it.
func check(holds bool, format string, values ...interface{}) {
	if !holds {
		panic(fmt.Errorf(format, values...))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// connect makes `client`, whose streams wait for a free place on the one
// connection when the server's limit is reached.
func connect(caFile string) {
	pem, err := os.ReadFile(caFile)
	must(err)
	roots := x509.NewCertPool()
	check(roots.AppendCertsFromPEM(pem), "%s has no certificate", caFile)
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	one := &http.Transport{
		TLSClientConfig:       &tls.Config{RootCAs: roots},
		ExpectContinueTimeout: 30 * time.Second,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			atomic.AddInt32(&connections, 1)
			return dialer.DialContext(ctx, network, address)
		},
	}
	two, err := http2.ConfigureTransports(one)
	must(err)
	two.StrictMaxConcurrentStreams = true
	client = &http.Client{Transport: one, Timeout: 50 * time.Second}
	if strings.HasPrefix(origin, "http://") {
		two.ConnPool = nil // That one never dials by itself.
		two.AllowHTTP = true
		two.DialTLS = func(network, address string, _ *tls.Config) (net.Conn, error) {
			atomic.AddInt32(&connections, 1)
			return dialer.Dial(network, address)
		}
		client.Transport = two
	}
}

type answer struct {
	*http.Response
	body  []byte // Unless streamed into `hash` only.
	bytes int64
	hash  string
}

// exchange sends a request and gathers all of the answer.
func exchange(request *http.Request) answer {
	response, err := client.Do(request)
	must(err)
	defer response.Body.Close()
	check(response.ProtoMajor == 2, "the protocol is %s", response.Proto)
	if strings.HasPrefix(origin, "https://") {
		check(response.TLS != nil && response.TLS.NegotiatedProtocol == "h2", "ALPN is not h2")
		check(len(response.TLS.VerifiedChains) > 0, "the certificate was not verified")
	}
	a := answer{Response: response}
	hash := sha256.New()
	if response.ContentLength > 1<<22 {
		a.bytes, err = io.Copy(hash, response.Body)
	} else {
		a.body, err = io.ReadAll(io.TeeReader(response.Body, hash))
		a.bytes = int64(len(a.body))
	}
	must(err)
	a.hash = fmt.Sprintf("%x", hash.Sum(nil))
	return a
}

func newRequest(method, path string, body io.Reader) *http.Request {
	request, err := http.NewRequest(method, origin+path, body)
	must(err)
	return request
}

func get(path string) answer {
	a := exchange(newRequest("GET", path, nil))
	check(a.StatusCode == 200, "%s: status %d", path, a.StatusCode)
	return a
}

func sumOf(name string) string { return strings.TrimSpace(string(get("/" + name + ".sha256").body)) }

func getFile(name string) int64 {
	sum := sumOf(name)
	file := get("/" + name)
	check(file.hash == sum, "/%s: SHA-256 %s, expected %s", name, file.hash, sum)
	return file.bytes
}

func pseudoRandom(size int) []byte {
	b := make([]byte, size)
	rand.New(rand.NewSource(12345)).Read(b)
	return b
}

func sameAsSent(a answer, body []byte) {
	check(a.StatusCode == 200, "status %d", a.StatusCode)
	check(len(a.body) == len(body), "%d bytes came back of %d", len(a.body), len(body))
	check(bytes.Equal(a.body, body), "the echo differs")
}

// together calls `f` with 0 ... count-1 at once.
func together(count int, f func(int)) {
	failures := make(chan error, count)
	var group sync.WaitGroup
	group.Add(count)
	for i := 0; i < count; i++ {
		go func(i int) {
			defer group.Done()
			defer func() {
				if e := recover(); e != nil {
					failures <- e.(error)
				}
			}()
			f(i)
		}(i)
	}
	group.Wait()
	if len(failures) > 0 {
		panic(fmt.Errorf("%d of %d failed, the first: %w", len(failures), count, <-failures))
	}
}

// manyAtOnce gets the files /f0, /f1 ... at once; getting the hashes one by one
// before that has made the connection.
func manyAtOnce(count int) {
	sums := make([]string, count)
	for i := range sums {
		sums[i] = sumOf(fmt.Sprintf("f%d", i))
	}
	together(count, func(i int) {
		file := get(fmt.Sprintf("/f%d", i))
		check(file.bytes == int64(20000+i), "/f%d: %d bytes", i, file.bytes)
		check(file.hash == sums[i], "/f%d: wrong SHA-256", i)
	})
	check(connections == 1, "%d connections", connections)
}

// A body that tells how much is read of it.
type watchedReader struct {
	io.Reader
	onRead func(n int)
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.onRead(n)
	return n, err
}

func withTrace(request *http.Request, trace *httptrace.ClientTrace) *http.Request {
	return request.WithContext(httptrace.WithClientTrace(request.Context(), trace))
}

var scenarios = map[string]func() string{
	"get": func() string {
		n := getFile("small")
		check(n == 10000, "%d bytes", n)
		return fmt.Sprintf("%d bytes with the right SHA-256", n)
	},
	"head": func() string {
		a := exchange(newRequest("HEAD", "/small", nil))
		check(a.StatusCode == 200, "status %d", a.StatusCode)
		length := a.Header.Get("Content-Length")
		check(length == "10000", "content-length %q", length)
		check(a.bytes == 0, "a body of %d bytes", a.bytes)
		return "content-length 10000 and 0 bytes of body"
	},
	"echo": func() string {
		body := pseudoRandom(1 << 20)
		sameAsSent(exchange(newRequest("POST", "/echo", bytes.NewReader(body))), body)
		return fmt.Sprintf("%d bytes there and back", len(body))
	},
	"hundred": func() string {
		manyAtOnce(100)
		return fmt.Sprintf("100 bodies of 20 KB at once, %d connection", connections)
	},
	"large": func() string {
		n := getFile("large")
		check(n == 52428800, "%d bytes", n)
		return fmt.Sprintf("%d bytes with the right SHA-256", n)
	},
	"trailers": func() string {
		a := get("/trailers")
		lines, note := a.Trailer.Get("x-body-lines"), a.Trailer.Get("x-note")
		check(lines == "1", "x-body-lines: %q", lines)
		check(note == "sent after the body", "x-note: %q", note)
		return fmt.Sprintf("%d trailer fields after %d bytes", len(a.Trailer), a.bytes)
	},
	"request_trailers": func() string {
		body := pseudoRandom(30000)
		request := newRequest("POST", "/echo", io.NopCloser(bytes.NewReader(body)))
		request.Trailer = http.Header{"X-Sent-After": {"the body"}}
		sameAsSent(exchange(request), body)
		return fmt.Sprintf("%d bytes and 1 trailer field sent, same bytes back", len(body))
	},
	"hints": func() string {
		var codes []int
		var link string
		a := exchange(withTrace(newRequest("GET", "/early-hints", nil), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
				codes = append(codes, code)
				link = header.Get("Link")
				return nil
			},
		}))
		check(len(codes) == 1 && codes[0] == 103, "interim answers: %v", codes)
		check(link == "</style.css>; rel=preload; as=style", "link: %q", link)
		check(a.StatusCode == 200, "status %d", a.StatusCode)
		return fmt.Sprintf("103 with link %s, then %d", link, a.StatusCode)
	},
	"continue": func() string {
		body := pseudoRandom(50000)
		var continues, tooEarly int32
		request := newRequest("POST", "/echo", &watchedReader{bytes.NewReader(body), func(int) {
			if atomic.LoadInt32(&continues) == 0 {
				atomic.AddInt32(&tooEarly, 1)
			}
		}})
		request.ContentLength = int64(len(body))
		request.Header.Set("Expect", "100-continue")
		sameAsSent(exchange(withTrace(request, &httptrace.ClientTrace{
			Got100Continue: func() { atomic.AddInt32(&continues, 1) },
		})), body)
		check(continues == 1, "%d times 100", continues)
		check(tooEarly == 0, "the body was read before 100 came")
		return fmt.Sprintf("100 came, then %d bytes were sent and came back", len(body))
	},
	"early": func() string {
		getFile("small") // Makes the connection.
		const size = 4 << 20
		var read int64
		request := newRequest("POST", "/early/403",
			&watchedReader{bytes.NewReader(make([]byte, size)), func(n int) {
				atomic.AddInt64(&read, int64(n))
			}})
		request.ContentLength = size
		a := exchange(request)
		check(a.StatusCode == 403, "status %d", a.StatusCode)
		check(a.bytes > 0, "the 403 has no body")
		n := getFile("small")
		check(connections == 1, "%d connections", connections)
		sent := atomic.LoadInt64(&read)
		check(sent < size, "the whole body was taken")
		return fmt.Sprintf("403 after %d bytes of %d, then %d bytes, %d connection",
			sent, size, n, connections)
	},
	"drain": func() string {
		getFile("small")
		time.AfterFunc(300*time.Millisecond, func() { fmt.Println("under way") })
		together(10, func(int) { get("/delay/1500") })
		check(connections == 1, "%d connections", connections)
		return fmt.Sprintf("10 answers with 200, %d connection", connections)
	},
	"limit1": func() string {
		manyAtOnce(20)
		return fmt.Sprintf("20 bodies of 20 KB in turn, %d connection", connections)
	},
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println(runtime.Version())
		return
	}
	if len(os.Args) != 4 || scenarios[os.Args[3]] == nil {
		fmt.Fprintln(os.Stderr, "usage: go_client ORIGIN CA_FILE SCENARIO")
		os.Exit(2)
	}
	origin = os.Args[1]
	fail := func(reason interface{}) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[3], reason)
		os.Exit(1)
	}
	time.AfterFunc(55*time.Second, func() { fail("not finished after 55 seconds") })
	defer func() {
		if e := recover(); e != nil {
			fail(e)
		}
	}()
	connect(os.Args[2])
	fmt.Println(scenarios[os.Args[3]]())
}
