import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Metrics } from '../../core/deps.ts'

/** Figures for Prometheus, all beginning with `todoku_`. */
export function promMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const posts = new Counter({
    name: 'todoku_posts_total',
    help: 'Answered posts by result',
    labelNames: ['result'],
    registers,
  })
  const attempts = new Counter({
    name: 'todoku_attempts_total',
    help: 'Ended attempts by outcome',
    labelNames: ['outcome'],
    registers,
  })
  const attemptSeconds = new Histogram({
    name: 'todoku_attempt_seconds',
    help: 'Duration of attempts',
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600],
    registers,
  })
  const requestSeconds = new Histogram({
    name: 'todoku_http_request_seconds',
    help: 'Duration of HTTP requests by route and status',
    labelNames: ['route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers,
  })
  const messages = new Gauge({ name: 'todoku_messages', help: 'Messages by state', labelNames: ['state'], registers })
  const oldest = new Gauge({
    name: 'todoku_oldest_due_seconds',
    help: 'How long the oldest due message has waited',
    registers,
  })
  const faults = new Counter({
    name: 'todoku_faults_total',
    help: 'Faults of our own by kind',
    labelNames: ['code'],
    registers,
  })

  return {
    countPost: (result) => posts.inc({ result }),
    countAttempt: (outcome) => attempts.inc({ outcome }),
    observeAttempt: (seconds) => attemptSeconds.observe(seconds),
    observeRequest: (route, status, seconds) => requestSeconds.observe({ route, status: String(status) }, seconds),
    setMessages(states, oldestDueSeconds) {
      for (const [state, count] of Object.entries(states)) messages.set({ state }, count)
      oldest.set(oldestDueSeconds)
    },
    countFault: (code) => faults.inc({ code }),
    render: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
