import { parentPort } from 'node:worker_threads'

// The browser's own semantics: anchored, with the `v` flag (HTML §4.10.5.3.6).
parentPort?.on('message', ({ source, value }: { source: string; value: string }) => {
  parentPort?.postMessage(new RegExp(`^(?:${source})$`, 'v').test(value))
})
