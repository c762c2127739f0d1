// An HTTP/2 client for interoperability tests of `h2 serve`, made with
// java.net.http.HttpClient of the JDK (17). https only: for http it offers the
// upgrade from HTTP/1.1, not prior knowledge.
//
//   java JavaClient.java ORIGIN CA_FILE SCENARIO
//   java JavaClient.java --version
//
// ORIGIN is https://localhost:PORT; CA_FILE is a PEM file with the certificate
// to trust; SCENARIO is a case of the switch in `run` below. Exit status: 0
// verified (one line says what), 1 a difference (the reason is on stderr), 2
// usage, 3 the library has no way to do that; what it can do of it is checked
// nevertheless.
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class JavaClient {
  static class NotOffered extends Exception {
    NotOffered(String reason) { super(reason); }
  }

  static String origin;
  static HttpClient client;

  static void check(boolean holds, String reason) {
    if (!holds) throw new IllegalStateException(reason);
  }

  static void connect(String caFile) throws Exception {
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null, null);
    try (InputStream pem = Files.newInputStream(Path.of(caFile))) {
      trusted.setCertificateEntry(
          "ca", CertificateFactory.getInstance("X.509").generateCertificate(pem));
    }
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(trusted);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(null, factory.getTrustManagers(), null);
    client = HttpClient.newBuilder().sslContext(tls).version(HttpClient.Version.HTTP_2)
                 .connectTimeout(Duration.ofSeconds(10)).build();
  }

  // HttpClient tells nothing about its connections, so Linux is asked: the
  // local ports of this process's connections to the server.
  static Set<String> localPorts() throws Exception {
    Set<String> mine = new HashSet<>();
    try (var entries = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path entry : entries) {
        try {
          String target = Files.readSymbolicLink(entry).toString();
          if (target.startsWith("socket:[")) mine.add(target.substring(8, target.length() - 1));
        } catch (java.io.IOException closedMeanwhile) {
          continue;
        }
      }
    }
    Set<String> ports = new TreeSet<>();
    String server = String.format(":%04X", URI.create(origin).getPort());
    for (String table : List.of("/proc/self/net/tcp", "/proc/self/net/tcp6")) {
      for (String line : Files.readAllLines(Path.of(table))) {
        String[] words = line.trim().split(" +");
        if (words.length > 9 && words[2].endsWith(server) && mine.contains(words[9])) {
          ports.add(words[1].substring(words[1].indexOf(':') + 1));
        }
      }
    }
    return ports;
  }

  // Collects the ports seen from now until `stop`.
  static class PortWatch {
    final Set<String> seen = new TreeSet<>();
    volatile boolean stopped = false;
    Exception problem;
    final Thread thread = new Thread(() -> {
      try {
        while (!stopped) {
          synchronized (seen) { seen.addAll(localPorts()); }
          Thread.sleep(5);
        }
      } catch (Exception e) {
        problem = e;
      }
    });

    PortWatch() {
      thread.setDaemon(true);
      thread.start();
    }

    void stop() throws Exception {
      stopped = true;
      thread.join();
      if (problem != null) throw problem;
    }

    void stopAndExpectOne() throws Exception {
      stop();
      seen.addAll(localPorts());
      check(seen.size() == 1, seen.size() + " connections");
    }
  }

  static HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(origin + path)).timeout(Duration.ofSeconds(45));
  }

  static <T> HttpResponse<T> checked(HttpResponse<T> response, int status) {
    String path = response.uri().getPath();
    check(response.version() == HttpClient.Version.HTTP_2, "protocol " + response.version());
    check(response.sslSession().isPresent(), "no TLS");
    check(response.statusCode() == status, path + ": status " + response.statusCode());
    return response;
  }

  static HttpResponse<byte[]> send(HttpRequest request, int status) throws Exception {
    return checked(client.send(request, BodyHandlers.ofByteArray()), status);
  }

  static byte[] get(String path) throws Exception { return send(request(path).build(), 200).body(); }

  static String sumOf(String name) throws Exception {
    return new String(get("/" + name + ".sha256")).trim();
  }

  static String sha256(byte[] bytes) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  // Gets a file and hashes it as it comes; returns its size.
  static long getFile(String name) throws Exception {
    String expected = sumOf(name);
    MessageDigest hash = MessageDigest.getInstance("SHA-256");
    long size = 0;
    HttpRequest request = request("/" + name).build();
    try (InputStream in = checked(client.send(request, BodyHandlers.ofInputStream()), 200).body()) {
      byte[] part = new byte[65536];
      for (int n = in.read(part); n >= 0; n = in.read(part)) {
        hash.update(part, 0, n);
        size += n;
      }
    }
    String got = HexFormat.of().formatHex(hash.digest());
    check(got.equals(expected), "/" + name + ": SHA-256 " + got + ", expected " + expected);
    return size;
  }

  static byte[] pseudoRandom(int size) {
    byte[] bytes = new byte[size];
    new Random(12345).nextBytes(bytes);
    return bytes;
  }

  static void sameAsSent(HttpResponse<byte[]> response, byte[] body) {
    int size = response.body().length;
    check(size == body.length, size + " bytes came back of " + body.length);
    check(Arrays.equals(response.body(), body), "the echo differs");
  }

  static List<HttpResponse<byte[]>> together(List<String> paths, Runnable onceSent)
      throws Exception {
    List<CompletableFuture<HttpResponse<byte[]>>> waiting = new ArrayList<>();
    for (String path : paths) {
      waiting.add(client.sendAsync(request(path).build(), BodyHandlers.ofByteArray()));
    }
    onceSent.run();
    List<HttpResponse<byte[]>> answers = new ArrayList<>();
    for (var one : waiting) answers.add(checked(one.get(), 200));
    return answers;
  }

  // GET /f0, /f1 ... at once; getting the hashes before has made the connection.
  static void manyAtOnce(int count) throws Exception {
    List<String> sums = new ArrayList<>();
    List<String> paths = new ArrayList<>();
    for (int i = 0; i < count; ++i) {
      sums.add(sumOf("f" + i));
      paths.add("/f" + i);
    }
    PortWatch watch = new PortWatch();
    List<HttpResponse<byte[]>> answers = together(paths, () -> {});
    watch.stopAndExpectOne();
    for (int i = 0; i < count; ++i) {
      byte[] body = answers.get(i).body();
      check(body.length == 20000 + i, "/f" + i + ": " + body.length + " bytes");
      check(sha256(body).equals(sums.get(i)), "/f" + i + ": wrong SHA-256");
    }
  }

  static void pause(int milliseconds) {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  // Posts to /early/403; says whether the 403 was shown in time.
  static boolean early(int size, int seconds) throws Exception {
    try {
      var response = send(request("/early/403").timeout(Duration.ofSeconds(seconds))
                              .POST(BodyPublishers.ofByteArray(new byte[size])).build(), 403);
      check(response.body().length > 0, "the 403 has no body");
      return true;
    } catch (HttpTimeoutException e) {
      return false;
    }
  }

  static String run(String scenario) throws Exception {
    switch (scenario) {
      case "get": {
        long size = getFile("small");
        check(size == 10000, size + " bytes");
        return size + " bytes with the right SHA-256";
      }
      case "head": {
        var response = send(
            request("/small").method("HEAD", BodyPublishers.noBody()).build(), 200);
        String length = response.headers().firstValue("content-length").orElse("missing");
        check(length.equals("10000"), "content-length " + length);
        check(response.body().length == 0, "a body of " + response.body().length + " bytes");
        return "content-length 10000 and 0 bytes of body";
      }
      case "echo": {
        byte[] body = pseudoRandom(1 << 20);
        sameAsSent(send(request("/echo").POST(BodyPublishers.ofByteArray(body)).build(), 200), body);
        return body.length + " bytes there and back";
      }
      case "hundred":
        manyAtOnce(100);
        return "100 bodies of 20 KB at once, 1 connection";
      case "large": {
        long size = getFile("large");
        check(size == 52428800, size + " bytes");
        return size + " bytes with the right SHA-256";
      }
      case "trailers": {
        int size = get("/trailers").length;
        throw new NotOffered("HttpClient drops the trailers of a response; its " + size
                             + " bytes of body came");
      }
      case "request_trailers":
        throw new NotOffered("HttpClient has no way to send trailers");
      case "hints": {
        get("/early-hints");
        throw new NotOffered("HttpClient does not show 1xx answers; the 200 came");
      }
      case "continue": {
        byte[] body = pseudoRandom(50000);
        var response = send(request("/echo").expectContinue(true)
                                .POST(BodyPublishers.ofByteArray(body)).build(), 200);
        sameAsSent(response, body);
        // HttpClient hides the 100, but without it never sends the body.
        return "expectContinue: 100 was waited for, then " + body.length
            + " bytes were sent and came back";
      }
      case "early": {
        getFile("small");
        PortWatch watch = new PortWatch();
        // Of 4 MiB only what flow control permits can be sent before the 403.
        // HttpClient of JDK 17 waits until all is sent, RST_STREAM or not, and
        // then times out; a body that fits shows the 403.
        int size = 4 << 20;
        boolean shown = early(size, 4);
        if (!shown) check(early(10000, 20), "no 403 for a request of 10000 bytes");
        long got = getFile("small");
        watch.stopAndExpectOne();
        String then = "then " + got + " bytes, 1 connection";
        if (shown) return "403 for a request of " + size + " bytes, " + then;
        throw new NotOffered("HttpClient shows no answer before the whole body is sent; "
                             + "403 for a request of 10000 bytes, " + then);
      }
      case "drain": {
        getFile("small");
        PortWatch watch = new PortWatch();
        int count;
        try {
          count = together(Collections.nCopies(10, "/delay/1500"), () -> {
            pause(300);
            System.out.println("under way");
          }).size();
        } catch (ExecutionException e) {
          if (!String.valueOf(e.getMessage()).contains("GOAWAY received")) throw e;
          throw new NotOffered("HttpClient gives up every request when GOAWAY comes: "
                               + e.getCause().getMessage());
        }
        watch.stop();
        check(watch.seen.size() == 1, watch.seen.size() + " connections");
        return count + " answers with 200, 1 connection";
      }
      case "limit1":
        try {
          manyAtOnce(20);
        } catch (ExecutionException e) {
          if (!String.valueOf(e.getMessage()).contains("too many concurrent streams")) throw e;
          throw new NotOffered("HttpClient has no queue for the limit of the server: "
                               + e.getCause().getMessage());
        }
        return "20 bodies of 20 KB in turn, 1 connection";
      default:
        System.err.println("no scenario " + scenario);
        System.exit(2);
        return "";
    }
  }

  public static void main(String[] arguments) {
    if (arguments.length == 1 && arguments[0].equals("--version")) {
      System.out.println(System.getProperty("java.version"));
      return;
    }
    if (arguments.length != 3) {
      System.err.println("usage: java JavaClient.java ORIGIN CA_FILE SCENARIO");
      System.exit(2);
    }
    origin = arguments[0];
    String scenario = arguments[2];
    Thread alarm = new Thread(() -> {
      try {
        Thread.sleep(55000);
      } catch (InterruptedException e) {
        return;
      }
      System.err.println(scenario + ": not finished after 55 seconds");
      Runtime.getRuntime().halt(1);
    });
    alarm.setDaemon(true);
    alarm.start();
    try {
      if (!origin.startsWith("https://")) {
        throw new NotOffered("HttpClient has no HTTP/2 with prior knowledge");
      }
      connect(arguments[1]);
      System.out.println(run(scenario));
      System.exit(0);
    } catch (NotOffered reason) {
      System.out.println("not offered: " + reason.getMessage());
      System.exit(3);
    } catch (Exception e) {
      System.err.println(scenario + ": " + e);
      System.exit(1);
    }
  }
}
