import { once } from 'node:events'
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
  let box: { worker: Worker; online: Promise<unknown> } | null = null
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0

  function open(): NonNullable<typeof box> {
    const worker = new Worker(new URL(`./pattern-worker${extname(import.meta.url)}`, import.meta.url))
    worker.unref()
    return { worker, online: once(worker, 'online') }
  }

  async function run(source: string, value: string): Promise<boolean | 'timeout'> {
    box ??= open()
    const { worker, online } = box
    // The time of the pattern counts, not that of the thread's start.
    try {
      await online
    } catch {
      // A thread that could not start: the next question gets a new one.
      box = null
      return 'timeout'
    }
    return await new Promise((resolve) => {
      const end = (answer: boolean | 'timeout') => {
        clearTimeout(timer)
        worker.off('message', end)
        worker.off('error', fail)
        if (answer === 'timeout') {
          box = null
          // What it still says is about a question nobody waits for; it must not end the process either.
          worker.on('error', () => {})
          void worker.terminate()
        }
        resolve(answer)
      }
      const fail = () => end('timeout')
      const timer = setTimeout(fail, boxMs)
      worker.on('message', end)
      worker.on('error', fail)
      worker.postMessage({ source, value })
    })
  }

  return {
    async matches(source, value) {
      if (waiting >= queueLimit) return 'timeout'
      waiting += 1
      const turn = last.then(() => run(source, value))
      last = turn.catch(() => {})
      try {
        return await turn
      } finally {
        waiting -= 1
      }
    },
    async close() {
      await box?.worker.terminate()
      box = null
    },
  }
}
