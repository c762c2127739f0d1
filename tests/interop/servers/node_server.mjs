// node's http2 as a server.
// usage: node node_server.mjs PORT DIRECTORY STREAMS [CERTIFICATE KEY]
// Serves files and the routes of `h2 serve`; SIGTERM lets what is under way finish.
import fs from 'node:fs';
import http2 from 'node:http2';
import path from 'node:path';

const [port, directory, streams, certificate, key] = process.argv.slice(2);
const settings = { maxConcurrentStreams: Number(streams), initialWindowSize: 1 << 20 };
const server = certificate
  ? http2.createSecureServer({ settings, cert: fs.readFileSync(certificate), key: fs.readFileSync(key) })
  : http2.createServer({ settings });

function text(stream, status, body) {
  stream.respond({ ':status': status, 'content-length': body.length });
  stream.end(body);
}

const routes = {
  '/echo': (stream, headers) => {
    if (headers.expect === '100-continue') stream.additionalHeaders({ ':status': 100 });
    const pieces = [];
    stream.on('data', (piece) => pieces.push(piece));
    stream.on('end', () => text(stream, 200, Buffer.concat(pieces)));
  },
  '/trailers': (stream) => {
    stream.respond({ ':status': 200, trailer: 'x-body-lines, x-note' }, { waitForTrailers: true });
    stream.on('wantTrailers', () =>
      stream.sendTrailers({ 'x-body-lines': '1', 'x-note': 'sent after the body' }));
    stream.end('trailer fields follow this line\n');
  },
  '/early-hints': (stream) => {
    stream.additionalHeaders({ ':status': 103, link: '</style.css>; rel=preload; as=style' });
    text(stream, 200, 'a 103 with a link field came before this\n');
  },
};

function file(stream, headers, name) {
  const target = path.join(directory, path.basename(name));
  const size = fs.statSync(target, { throwIfNoEntry: false })?.size;
  if (size === undefined) return text(stream, 404, 'no such file\n');
  const fields = { ':status': 200, 'content-length': size };
  if (headers[':method'] === 'HEAD') return stream.respond(fields);
  return stream.respondWithFile(target, fields);
}

server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  const name = headers[':path'].split('?')[0];
  const delay = /^\/delay\/(\d+)$/.exec(name);
  const early = /^\/early\/(\d+)$/.exec(name);
  if (routes[name]) return routes[name](stream, headers);
  if (delay) return setTimeout(() => text(stream, 200, `after ${delay[1]} ms\n`), Number(delay[1]));
  if (early) {
    text(stream, Number(early[1]), `status ${early[1]}\n`);
    return stream.on('finish', () => stream.close(http2.constants.NGHTTP2_NO_ERROR));
  }
  return file(stream, headers, name);
});

const sessions = new Set();
server.on('session', (session) => {
  sessions.add(session);
  session.on('close', () => sessions.delete(session));
});
process.on('SIGTERM', () => {
  server.close();
  for (const session of sessions) session.close();
});
server.listen(Number(port), '127.0.0.1');
