// An HTTP/2 client for interoperability tests of `h2 serve`, made with the
// http2 module of Node.js (18 or newer).
//
//   node node_client.mjs ORIGIN CA_FILE SCENARIO
//   node node_client.mjs --version
//
// ORIGIN is https://localhost:PORT, or http://localhost:PORT for prior
// knowledge; CA_FILE is a PEM file with the certificate to trust; SCENARIO is
// a name in `scenarios` below. Exit status: 0 verified (one line says what),
// 1 a difference (the reason is on stderr), 2 usage, 3 the library has no way
// to do that.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import tls from 'node:tls';

if (process.argv[2] === '--version') {
  console.log(process.version);
  process.exit(0);
}
const [origin, caFile, scenario] = process.argv.slice(2);

function fail(reason) {
  console.error(`${scenario}: ${reason}`);
  process.exit(1);
}
function check(holds, reason) {
  if (!holds) throw new Error(reason);
}
setTimeout(() => fail('not finished after 55 seconds'), 55000).unref();
process.on('uncaughtException', (error) => fail(error.stack));

let connections = 0;

// One session on one socket, ready when the server's SETTINGS are there: the
// limit on concurrent streams is known then.
function connect() {
  const url = new URL(origin);
  const secure = url.protocol === 'https:';
  const port = Number(url.port || (secure ? 443 : 80));
  const session = http2.connect(origin, {
    createConnection: () => {
      ++connections;
      if (!secure) return net.connect({ host: url.hostname, port });
      return tls.connect({
        host: url.hostname, servername: url.hostname, port,
        ca: readFileSync(caFile), ALPNProtocols: ['h2'],
      });
    },
  });
  return new Promise((resolve, reject) => {
    session.once('error', reject);
    session.once('remoteSettings', () => {
      const wanted = secure ? 'h2' : 'h2c';
      if (session.alpnProtocol !== wanted) {
        reject(new Error(`protocol is ${session.alpnProtocol}, not ${wanted}`));
      } else if (secure && !session.socket.authorized) {
        reject(new Error('the certificate was not verified'));
      } else {
        resolve(session);
      }
    });
  });
}

// Sends a request and gathers all of the answer. `onStream` sees the stream
// before anything came; without `body` and `onStream` the request ends at once.
function exchange(session, fields, { body, options, onStream } = {}) {
  return new Promise((resolve, reject) => {
    const answer = { status: 0, headers: {}, trailers: {}, bytes: 0, hash: '' };
    const hash = createHash('sha256');
    const stream = session.request(fields, {
      endStream: body === undefined && onStream === undefined, ...options,
    });
    let ended = false;
    stream.on('response', (headers) => {
      answer.status = headers[':status'];
      answer.headers = headers;
    });
    stream.on('trailers', (trailers) => { answer.trailers = trailers; });
    stream.on('data', (chunk) => {
      answer.bytes += chunk.length;
      hash.update(chunk);
    });
    stream.on('end', () => { ended = true; });
    stream.on('error', reject);
    stream.on('close', () => {
      answer.hash = hash.digest('hex');
      answer.reset = stream.rstCode;
      if (ended && answer.status !== 0) resolve(answer);
      else reject(new Error(`${fields[':path']} closed early, code ${stream.rstCode}`));
    });
    if (onStream) onStream(stream);
    if (body !== undefined) stream.end(body);
  });
}

// Gets a file and compares it with the hash that lies beside it.
async function getFile(session, name) {
  const [file, sum] = await Promise.all([
    exchange(session, { ':path': `/${name}` }),
    textOf(session, `/${name}.sha256`),
  ]);
  check(file.status === 200, `/${name}: status ${file.status}`);
  check(file.hash === sum.trim(), `/${name}: SHA-256 ${file.hash}, expected ${sum}`);
  return file.bytes;
}

async function textOf(session, path) {
  let text = '';
  const answer = await exchange(session, { ':path': path }, {
    onStream: (stream) => {
      stream.on('data', (chunk) => { text += chunk.toString(); });
      stream.end();
    },
  });
  check(answer.status === 200, `${path}: status ${answer.status}`);
  return text;
}

function pseudoRandom(size) {
  const bytes = Buffer.alloc(size);
  let state = 12345;
  for (let i = 0; i < size; ++i) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

function sameAsSent(answer, body) {
  check(answer.status === 200, `status ${answer.status}`);
  check(answer.bytes === body.length, `${answer.bytes} bytes came back of ${body.length}`);
  check(answer.hash === createHash('sha256').update(body).digest('hex'), 'the echo differs');
}

// GET /f0, /f1 ... all at once; the hashes were fetched one by one before, so
// that exactly `count` streams compete.
async function manyAtOnce(session, count) {
  const sums = [];
  for (let i = 0; i < count; ++i) sums.push((await textOf(session, `/f${i}.sha256`)).trim());
  const answers = await Promise.all(
      sums.map((_, i) => exchange(session, { ':path': `/f${i}` })));
  answers.forEach((answer, i) => {
    check(answer.status === 200, `/f${i}: status ${answer.status}`);
    check(answer.bytes === 20000 + i, `/f${i}: ${answer.bytes} bytes`);
    check(answer.hash === sums[i], `/f${i}: wrong SHA-256`);
  });
  check(connections === 1, `${connections} connections`);
}

const scenarios = {
  async get(session) {
    const bytes = await getFile(session, 'small');
    check(bytes === 10000, `${bytes} bytes`);
    return `${bytes} bytes with the right SHA-256`;
  },
  async head(session) {
    const answer = await exchange(session, { ':method': 'HEAD', ':path': '/small' });
    check(answer.status === 200, `status ${answer.status}`);
    check(answer.headers['content-length'] === '10000',
          `content-length ${answer.headers['content-length']}`);
    check(answer.bytes === 0, `a body of ${answer.bytes} bytes`);
    return 'content-length 10000 and 0 bytes of body';
  },
  async echo(session) {
    const body = pseudoRandom(1 << 20);
    sameAsSent(await exchange(session, { ':method': 'POST', ':path': '/echo' }, { body }), body);
    return `${body.length} bytes there and back`;
  },
  async hundred(session) {
    await manyAtOnce(session, 100);
    return `100 bodies of 20 KB at once, ${connections} connection`;
  },
  async large(session) {
    const bytes = await getFile(session, 'large');
    check(bytes === 52428800, `${bytes} bytes`);
    return `${bytes} bytes with the right SHA-256`;
  },
  async trailers(session) {
    const { status, trailers, bytes } = await exchange(session, { ':path': '/trailers' });
    check(status === 200, `status ${status}`);
    check(trailers['x-body-lines'] === '1', `x-body-lines: ${trailers['x-body-lines']}`);
    check(trailers['x-note'] === 'sent after the body', `x-note: ${trailers['x-note']}`);
    return `2 trailer fields after ${bytes} bytes`;
  },
  async request_trailers(session) {
    const body = pseudoRandom(30000);
    let sent = 0;
    const answer = await exchange(session, { ':method': 'POST', ':path': '/echo' }, {
      body,
      options: { waitForTrailers: true },
      onStream: (stream) => stream.on('wantTrailers', () => {
        ++sent;
        stream.sendTrailers({ 'x-sent-after': 'the body' });
      }),
    });
    sameAsSent(answer, body);
    check(sent === 1, 'the trailers were not sent');
    return `${body.length} bytes and 1 trailer field sent, same bytes back`;
  },
  async hints(session) {
    const seen = [];
    const answer = await exchange(session, { ':path': '/early-hints' }, {
      onStream: (stream) => {
        stream.on('headers', (headers) => seen.push(headers));
        stream.end();
      },
    });
    check(seen.length === 1, `${seen.length} interim answers`);
    check(seen[0][':status'] === 103, `interim status ${seen[0][':status']}`);
    const link = String(seen[0].link);
    check(link === '</style.css>; rel=preload; as=style', `link: ${link}`);
    check(answer.status === 200, `status ${answer.status}`);
    return `103 with link ${link}, then 200`;
  },
  async continue(session) {
    const body = pseudoRandom(50000);
    let continues = 0;
    const fields = { ':method': 'POST', ':path': '/echo', expect: '100-continue' };
    const answer = await exchange(session, fields, {
      onStream: (stream) => stream.on('continue', () => {
        ++continues;
        stream.end(body);
      }),
    });
    check(continues === 1, `${continues} times 100`);
    sameAsSent(answer, body);
    return `100 came, then ${body.length} bytes were sent and came back`;
  },
  async early(session) {
    const fields = { ':method': 'POST', ':path': '/early/403' };
    let stream;
    const answer = await exchange(session, fields, {
      body: Buffer.alloc(4 << 20, 'x'), onStream: (s) => { stream = s; },
    });
    check(answer.status === 403, `status ${answer.status}`);
    check(answer.bytes > 0, 'the 403 has no body');
    check(answer.reset === http2.constants.NGHTTP2_NO_ERROR, `reset with ${answer.reset}`);
    check(!stream.writableFinished, 'the whole body was taken');
    const bytes = await getFile(session, 'small');
    check(connections === 1, `${connections} connections`);
    return `403 before the 4 MiB were sent, then ${bytes} bytes, ${connections} connection`;
  },
  async drain(session) {
    let goaways = 0;
    session.on('goaway', (code) => {
      ++goaways;
      if (code !== http2.constants.NGHTTP2_NO_ERROR) fail(`GOAWAY with code ${code}`);
    });
    const requests = [];
    for (let i = 0; i < 10; ++i) requests.push(exchange(session, { ':path': '/delay/1500' }));
    setTimeout(() => console.log('under way'), 300);
    const answers = await Promise.all(requests);
    for (const { status } of answers) check(status === 200, `status ${status}`);
    check(goaways > 0, 'no GOAWAY came');
    return `${answers.length} answers with 200, ${goaways} GOAWAY, ${connections} connection`;
  },
  async limit1(session) {
    const limit = session.remoteSettings.maxConcurrentStreams;
    check(limit === 1, `the limit is ${limit}, not 1`);
    await manyAtOnce(session, 20);
    return `20 bodies of 20 KB with a limit of ${limit}, ${connections} connection`;
  },
};

if (!origin || !caFile || !Object.hasOwn(scenarios, scenario)) {
  console.error('usage: node_client.mjs ORIGIN CA_FILE SCENARIO, which is one of ' +
                Object.keys(scenarios).join(' '));
  process.exit(2);
}
try {
  const session = await connect();
  session.on('error', (error) => fail(`connection: ${error.message}`));
  console.log(await scenarios[scenario](session));
  process.exit(0);
} catch (error) {
  fail(error.message);
}
