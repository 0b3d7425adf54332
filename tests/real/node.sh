# Node: files, timers, streams, child processes, a local server, worker threads.
cat >/tmp/t.js <<'J'
const fs = require('fs'), http = require('http'), cp = require('child_process'), assert = require('assert');
const { Worker, isMainThread, parentPort } = require('worker_threads');
if (!isMainThread) { parentPort.postMessage(6 * 7); return; }
fs.mkdirSync('/tmp/n/a', { recursive: true });
fs.writeFileSync('/tmp/n/a/f', 'text');
assert.strictEqual(fs.readFileSync('/tmp/n/a/f', 'utf8'), 'text');
assert.strictEqual(cp.execSync('echo child').toString(), 'child\n');
assert.strictEqual(cp.spawnSync('sh', ['-c', 'exit 9']).status, 9);
const worker = new Promise((done) => new Worker(__filename).on('message', done));
const served = new Promise((done, fail) => {
  const server = http.createServer((q, r) => r.end('hello ' + q.url)).listen(0, '127.0.0.1', () =>
    http.get({ port: server.address().port, host: '127.0.0.1', path: '/x' }, (r) => {
      let body = ''; r.on('data', (d) => body += d).on('end', () => { server.close(); done(body); });
    }).on('error', fail));
});
const watched = new Promise((done) => {
  const w = fs.watch('/tmp/n', () => { w.close(); done('seen'); });
  setTimeout(() => fs.writeFileSync('/tmp/n/new', ''), 50);
});
Promise.all([worker, served, watched, fs.promises.readdir('/etc')]).then(([w, s, seen, list]) => {
  assert.strictEqual(w, 42); assert.strictEqual(s, 'hello /x'); assert.strictEqual(seen, 'seen');
  assert(list.includes('passwd')); console.log('node ok');
}).catch((e) => { console.error(e); process.exit(1); });
J
node /tmp/t.js | grep -qx 'node ok'
node -e 'process.exit(5)' || [ $? = 5 ]
node -e 'let s=0; for (let i=0;i<1e7;i++) s+=i; console.log(s)' | grep -qx 49999995000000
