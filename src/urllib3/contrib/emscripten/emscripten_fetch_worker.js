// Fetches on behalf of a thread that sleeps on shared memory; fetch.py is the other side.
//
// A request brings a SharedArrayBuffer: int32 status, int32 length, then data. The sleeper sets the
// status to WAITING and asks; we answer by changing it. A sleeper that has given up has changed it
// itself: then nobody wants the answer, and the request is dropped.

const Status = { HEADERS: -1, END: -2, WAITING: -3, EXCEPTION: -4 }; // positive: length of the data
const DATA_AT = 8;

const requests = new Map(); // id -> Request
const encoder = new TextEncoder();
let lastId = 0;

class Request {
  constructor(buffer) {
    this.id = ++lastId;
    this.numbers = new Int32Array(buffer);
    this.data = new Uint8Array(buffer, DATA_AT);
    this.controller = new AbortController();
    this.reader = null;
    this.rest = new Uint8Array(0); // read, and not yet handed over
  }

  // The data must be in place before this: it wakes the sleeper.
  answer(status) {
    const before = Atomics.compareExchange(this.numbers, 0, Status.WAITING, status);
    Atomics.notify(this.numbers, 0);
    return before === Status.WAITING;
  }

  // Whether anybody still waits. The memory of a sleeper that gave up is never looked at again.
  answerWithText(status, text) {
    const bytes = encoder.encode(text).subarray(0, this.data.length);
    this.data.set(bytes);
    Atomics.store(this.numbers, 1, bytes.length);
    return this.answer(status);
  }

  async start(url, options) {
    requests.set(this.id, this);
    const response = await fetch(url, { ...options, signal: this.controller.signal });
    this.reader = response.body ? response.body.getReader() : null;
    const head = {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      connectionID: this.id,
    };
    if (!this.answerWithText(Status.HEADERS, JSON.stringify(head))) this.drop();
  }

  async more() {
    while (this.rest.length === 0) {
      const { done, value } = this.reader ? await this.reader.read() : { done: true };
      if (done) {
        requests.delete(this.id);
        this.answer(Status.END);
        return;
      }
      this.rest = value;
    }
    const piece = this.rest.subarray(0, this.data.length);
    this.data.set(piece);
    if (this.answer(piece.length)) this.rest = this.rest.subarray(piece.length);
    else this.drop();
  }

  fail(error) {
    requests.delete(this.id);
    this.answerWithText(Status.EXCEPTION, error.message);
  }

  drop() {
    requests.delete(this.id);
    this.controller.abort();
  }
}

self.addEventListener("message", ({ data }) => {
  if (data.close) {
    requests.get(data.close)?.drop();
  } else if (data.getMore) {
    const request = requests.get(data.getMore);
    request?.more().catch((error) => request.fail(error));
  } else {
    const request = new Request(data.buffer);
    request.start(data.url, data.fetchParams).catch((error) => request.fail(error));
  }
});

// A worker's first fetch may wait for its parent (Chromium), and ours sleeps once it has asked us:
// so the first one is made now.
fetch("data:,").finally(() => self.postMessage({ inited: true }));
