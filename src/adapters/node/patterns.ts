import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Patterns } from '../../core/deps.ts'

/** Long enough for any honest pattern on any honest value. */
const boxMs = 200

/** Values that may wait for the box; beyond it they count as not checked. */
const queueLimit = 50

/**
 * Runs patterns that may never end in a thread that can be ended. One at a time: a page with a hostile pattern slows down
 * its own form's checks, nothing else.
 */
export function boxedPatterns(): { matches: Patterns['matches']; close(): Promise<void> } {
  let worker: Worker | null = null
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0

  function start(): Worker {
    const started = new Worker(new URL(`./pattern-worker${extname(import.meta.url)}`, import.meta.url))
    started.unref()
    return started
  }

  function run(source: string, value: string): Promise<boolean | 'timeout'> {
    worker ??= start()
    const box = worker
    return new Promise((resolve) => {
      const end = (answer: boolean | 'timeout') => {
        clearTimeout(timer)
        box.removeAllListeners()
        if (answer === 'timeout') {
          worker = null
          void box.terminate()
        }
        resolve(answer)
      }
      const timer = setTimeout(() => end('timeout'), boxMs)
      box.once('message', (matched: boolean) => end(matched))
      box.once('error', () => end('timeout'))
      box.postMessage({ source, value })
    })
  }

  return {
    async matches(source, value) {
      if (waiting >= queueLimit) return 'timeout'
      waiting += 1
      const turn = last.then(() => run(source, value))
      last = turn
      try {
        return await turn
      } finally {
        waiting -= 1
      }
    },
    async close() {
      await worker?.terminate()
      worker = null
    },
  }
}
