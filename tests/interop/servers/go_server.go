// Go's net/http as a server, h2c by golang.org/x/net.
// usage: go_server PORT DIRECTORY STREAMS [CERTIFICATE KEY]
// Serves files and the routes of `h2 serve`; SIGTERM lets what is under way finish.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

func number(path, prefix string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(path, prefix))
	if err != nil {
		return 0
	}
	return n
}

func routes(directory string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("content-length", strconv.Itoa(len(body)))
		w.Write(body)
	})
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("trailer", "x-body-lines, x-note")
		io.WriteString(w, "trailer fields follow this line\n")
		w.Header().Set("x-body-lines", "1")
		w.Header().Set("x-note", "sent after the body")
	})
	mux.HandleFunc("/early-hints", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("link", "</style.css>; rel=preload; as=style")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "a 103 with a link field came before this\n")
	})
	mux.HandleFunc("/early/", func(w http.ResponseWriter, r *http.Request) {
		status := number(r.URL.Path, "/early/")
		w.WriteHeader(status)
		fmt.Fprintf(w, "status %d\n", status)
	})
	mux.HandleFunc("/delay/", func(w http.ResponseWriter, r *http.Request) {
		ms := number(r.URL.Path, "/delay/")
		time.Sleep(time.Duration(ms) * time.Millisecond)
		fmt.Fprintf(w, "after %d ms\n", ms)
	})
	mux.Handle("/", http.FileServer(http.Dir(directory)))
	return mux
}

func main() {
	if len(os.Args) != 4 && len(os.Args) != 6 {
		log.Fatal("usage: go_server PORT DIRECTORY STREAMS [CERTIFICATE KEY]")
	}
	streams, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:" + os.Args[1], Handler: routes(os.Args[2])}
	protocol := &http2.Server{MaxConcurrentStreams: uint32(streams)}
	if err := http2.ConfigureServer(server, protocol); err != nil {
		log.Fatal(err)
	}
	drained := make(chan struct{})
	go func() {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		<-signals
		limit, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		server.Shutdown(limit)
		close(drained)
	}()
	if len(os.Args) == 6 {
		err = server.ListenAndServeTLS(os.Args[4], os.Args[5])
	} else {
		server.Handler = h2c.NewHandler(server.Handler, protocol)
		err = server.ListenAndServe()
	}
	if err != http.ErrServerClosed {
		log.Fatal(err)
	}
	<-drained
}
