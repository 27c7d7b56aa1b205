import type { Alarm } from '../../src/core/alarms/alarm.ts'
import { isTelling } from '../../src/core/alarms/lifecycle.ts'
import type {
  BlobStore,
  Cap,
  CappedMessage,
  CapturedMail,
  Deps,
  LeaseQuery,
  SimulatedFeedback,
  Stop,
} from '../../src/core/deps.ts'
import type { FormRecord } from '../../src/core/forms/form.ts'
import { isWorkingState } from '../../src/core/messages/fold.ts'
import type { Message, PlannedMessage, StateName } from '../../src/core/messages/message.ts'
import type { Submission } from '../../src/core/submissions/submission.ts'

export type MemoryStores = Pick<
  Deps,
  'forms' | 'submissions' | 'messages' | 'mailbox' | 'access' | 'budgets' | 'stops' | 'alarms'
>

/** All stores in memory: the second implementation of the contracts, and quick ground for tests of use cases. */
export function memoryStores(): MemoryStores {
  const forms = new Map<string, FormRecord[]>()
  const submissions: Submission[] = []
  let keys: { form: string; source: string; key: string; bodyHash: string; id: string; at: number }[] = []
  const latest = new Map<string, { form: string; bodyHash: string; id: string; at: number }>()
  const messages: Message[] = []
  const leases = new Map<string, number>()
  const mails: CapturedMail[] = []
  let feedbacks: SimulatedFeedback[] = []
  const secrets = new Map<string, { kind: string; expiresAt: number }>()
  let counted: { key: string; at: number; messageId: string }[] = []
  const proofs = new Set<string>()
  const stops = new Map<string, Stop>()
  const alarms = new Map<string, Alarm>()
  let digestedUntil: number | null = null
  let budget: { key: string; subject: string; at: number }[] = []

  /** Nothing that a caller holds may change behind its back. */
  const copy = <T>(value: T): T => structuredClone(value)
  const find = (id: string) => messages.find((message) => message.id === id)
  const isFree = (message: Message) => message.lease === null
  const isDue = (message: Message, now: number) => message.dueAt !== null && isFree(message) && message.dueAt <= now
  const replace = (message: Message, changes: Partial<Message>) => {
    messages[messages.indexOf(message)] = { ...message, ...changes }
  }
  const insert = (planned: PlannedMessage) => messages.push({ ...copy(planned), attempts: 0, lease: null, version: 1 })
  const byId = (id: string) => submissions.find((submission) => submission.id === id)

  /** Counts where every cap has room; what is counted may happen a fiftieth of the window later. */
  function count(messageId: string, caps: readonly Cap[], now: number): boolean {
    const others = counted.filter((one) => one.messageId !== messageId)
    const hasRoom = ({ key, max, windowMs }: Cap) =>
      others.filter((one) => one.key === key && one.at > now - windowMs * 1.02).length < max
    if (!caps.every(hasRoom)) return false
    counted = [...others, ...caps.map(({ key }) => ({ key, at: now, messageId }))]
    return true
  }

  /** Those over a cap as their held version; the others are counted. */
  function withCaps(planned: readonly PlannedMessage[], capped: readonly CappedMessage[], now: number) {
    const held: string[] = []
    const stored = planned.map((message) => {
      const limits = capped.find(({ messageId }) => messageId === message.id)
      if (limits === undefined) return message
      if (count(message.id, limits.caps, now)) return message
      held.push(message.id)
      return { ...message, ...limits.capped }
    })
    return { stored, held }
  }

  const change = (submission: Submission, changes: Partial<Submission>) => {
    submissions[submissions.indexOf(submission)] = { ...submission, ...changes }
  }

  function paged<T, R>(all: readonly T[], limit: number, before: string | undefined, map: (item: T) => R) {
    const end = before === undefined ? all.length : Number(before)
    const start = Math.max(0, end - limit)
    return { items: all.slice(start, end).reverse().map(map), cursor: start > 0 ? String(start) : null }
  }

  return {
    forms: {
      get: async (name) => copy(forms.get(name)?.at(-1) ?? null),
      getVersion: async (name, version) => copy(forms.get(name)?.find((form) => form.version === version) ?? null),
      list: async () => copy([...forms.keys()].sort().map((name) => forms.get(name)?.at(-1) as FormRecord)),
      async put(record) {
        const versions = forms.get(record.name) ?? []
        if (versions.length !== record.version - 1) return { kind: 'stale' }
        forms.set(record.name, [...versions, copy(record)])
        return { kind: 'stored' }
      },
    },

    submissions: {
      async accept({ submission, messages: planned, capped, proof, idempotency, repetition }) {
        const { form, bodyHash, clientKey, id } = submission
        if (idempotency !== null) {
          const same = keys.filter(
            (k) => k.form === form && k.source === idempotency.source && k.key === idempotency.key,
          )
          const known = byId(same.find((k) => k.bodyHash === bodyHash)?.id ?? '')
          if (known !== undefined) return { kind: 'repeated', submission: copy(known) }
          if (idempotency.source === 'header' && same.length > 0) return { kind: 'conflict' }
        } else if (repetition !== null) {
          const last = latest.get(clientKey)
          const known = byId(last?.id ?? '')
          const inWindow = last !== undefined && last.at >= repetition.since && last.at <= submission.receivedAt
          if (known !== undefined && inWindow && last.form === form && last.bodyHash === bodyHash) {
            return { kind: 'repeated', submission: copy(known) }
          }
        }
        if (submissions.some(({ reference }) => reference === submission.reference)) return { kind: 'reference-taken' }
        if (proof !== null && proofs.has(proof.id)) return { kind: 'proof-used' }
        if (proof !== null) proofs.add(proof.id)
        submissions.push(copy(submission))
        const { stored, held } = withCaps(planned, capped, submission.receivedAt)
        for (const message of stored) insert(message)
        if (idempotency !== null) keys.push({ form, ...idempotency, bodyHash, id, at: submission.receivedAt })
        latest.set(clientKey, { form, bodyHash, id, at: submission.receivedAt })
        return { kind: 'accepted', held }
      },
      get: async (reference) => copy(submissions.find((submission) => submission.reference === reference) ?? null),
      list: async ({ form, review, limit, before }) =>
        paged(
          submissions.filter(
            (submission) =>
              (form === undefined || submission.form === form) &&
              (review === undefined || submission.review === review),
          ),
          limit,
          before,
          copy,
        ),
      async review({ submissionId, from, to, at, messages: planned, capped }) {
        const submission = byId(submissionId)
        if (submission?.review !== from) return 'stale'
        change(submission, { review: to, reviewedAt: at })
        for (const message of withCaps(planned, capped, at).stored) insert(message)
        return 'done'
      },
      async disown({ submissionId, at, messages: planned }) {
        const submission = byId(submissionId)
        if (submission === undefined || (submission.disownedAt === null) === (at === null)) return 'stale'
        change(submission, { disownedAt: at })
        for (const message of planned) insert(message)
        return 'done'
      },
      countWaiting: async ({
        form,
        received: { from, until } = { from: 0, until: Number.MAX_SAFE_INTEGER },
        suspicious,
      }) =>
        submissions.filter(
          (submission) =>
            submission.form === form &&
            submission.review === 'quarantined' &&
            (suspicious === undefined || suspicious === submission.verdict.reasons.length > 0) &&
            (submission.reviewedAt ?? submission.receivedAt) >= from &&
            (submission.reviewedAt ?? submission.receivedAt) < until,
        ).length,
      async countReviews(form) {
        const own = submissions.filter((submission) => submission.form === form)
        return Object.fromEntries(
          [...Map.groupBy(own, ({ review }) => review)].map(([review, { length }]) => [review, length]),
        )
      },
      async resend(command) {
        const { submissionId, resend, oldMessage, knownResends, maxResends, proof, cancel } = command
        const submission = byId(submissionId)
        const old = find(oldMessage.id)
        if (submission === undefined || old?.version !== oldMessage.version) return { kind: 'stale' }
        if (submission.resends.length >= maxResends) return { kind: 'limit' }
        if (submission.resends.length !== knownResends) return { kind: 'stale' }
        if (proof !== null && proofs.has(proof.id)) return { kind: 'proof-used' }
        if (proof !== null) proofs.add(proof.id)
        if (cancel !== null)
          replace(old, {
            events: [...old.events, cancel.event],
            state: cancel.state,
            dueAt: null,
            version: old.version + 1,
          })
        change(submission, { email: resend.newEmail, resends: [...submission.resends, copy(resend)] })
        for (const message of withCaps(command.messages, command.capped, resend.at).stored) insert(message)
        return { kind: 'done' }
      },
      async forget({ latestBefore, keysBefore, limit }) {
        const old = [...latest].filter(([, { at }]) => at < latestBefore).slice(0, limit)
        for (const [client] of old) latest.delete(client)
        const oldKeys = new Set(keys.filter(({ at }) => at < keysBefore).slice(0, limit))
        keys = keys.filter((key) => !oldKeys.has(key))
        return old.length + oldKeys.size
      },
      holdsBlob: async (blob) =>
        submissions.some(({ entries }) => entries.some((entry) => entry.kind === 'file' && entry.file.blob === blob)),
    },

    messages: {
      get: async (id) => copy(find(id) ?? null),
      ofSubmission: async (submissionId) => copy(messages.filter((message) => message.submissionId === submissionId)),
      list: async ({ state, role, limit, before }) =>
        paged(
          messages.filter(
            (message) =>
              (state === undefined || shownState(message) === state) && (role === undefined || message.role === role),
          ),
          limit,
          before,
          copy,
        ),
      async leaseDue(query: LeaseQuery) {
        const leased: Message[] = []
        const taken = new Map<string, number>()
        const due = messages
          .filter((message) => isDue(message, query.now))
          .sort((a, b) => Number(a.dueAt) - Number(b.dueAt))
        for (const message of due) {
          const { id, lane } = message
          const count = taken.get(lane) ?? 0
          if (leased.length >= query.limit || count >= (query.rooms[lane] ?? query.defaultRoom)) continue
          taken.set(lane, count + 1)
          const number = (leases.get(id) ?? 0) + 1
          leases.set(id, number)
          replace(message, {
            attempts: message.attempts + 1,
            version: message.version + 1,
            lease: { number, until: query.until, phase: 'claimed' },
          })
          leased.push(copy(find(id) as Message))
        }
        return leased
      },
      async nextDueAt() {
        const due = messages.filter(isFree).flatMap(({ dueAt }) => (dueAt === null ? [] : [dueAt]))
        return due.length === 0 ? null : Math.min(...due)
      },
      async setPhase({ id, lease, phase, now, until }) {
        const message = find(id)
        const held = message?.lease
        const order = ['claimed', 'rcpt_ok', 'data_final']
        if (
          !message ||
          !held ||
          held.number !== lease ||
          held.until <= now ||
          order.indexOf(phase) <= order.indexOf(held.phase)
        )
          return 'lost'
        replace(message, { lease: { ...held, phase, until: Math.max(held.until, until) } })
        return 'ok'
      },
      async renewLease({ id, lease, now, until }) {
        const message = find(id)
        const held = message?.lease
        if (!message || !held || held.number !== lease || held.until <= now) return 'lost'
        replace(message, { lease: { ...held, until: Math.max(held.until, until) } })
        return 'ok'
      },
      async write({ id, version, events, state, dueAt, attempts, lease, whileLease }) {
        const message = find(id)
        if (message?.version !== version) return 'stale'
        const held = message.lease
        if (whileLease !== undefined && (held?.number !== whileLease.number || held.phase !== whileLease.phase))
          return 'stale'
        const fresh = events.filter((event) => !message.events.some((known) => known.id === event.id))
        replace(message, {
          events: [...message.events, ...copy(fresh)],
          state: copy(state),
          dueAt,
          attempts,
          version: version + 1,
          lease: lease === 'release' ? null : message.lease,
        })
        return 'ok'
      },
      async add(planned) {
        for (const message of planned) if (find(message.id) === undefined) insert(message)
      },
      digestedUntil: async () => digestedUntil,
      async addDigests({ known, until, messages: planned }) {
        if (digestedUntil !== known) return 'stale'
        for (const message of planned) if (find(message.id) === undefined) insert(message)
        digestedUntil = until
        return 'done'
      },
      countLate: async ({ messageId, caps, now }) => (count(messageId, caps, now) ? 'counted' : 'full'),
      async countConfirmations({ form, since, notHeldFor }) {
        const own = messages.filter(
          (message) =>
            message.role === 'confirmation' &&
            message.createdAt >= since &&
            (form === null || message.form === form) &&
            !(notHeldFor !== undefined && message.state.name === 'held' && message.state.heldReason === notHeldFor),
        )
        return Object.fromEntries(
          [...Map.groupBy(own, ({ state }) => state.name)].map(([name, { length }]) => [name, length]),
        )
      },
      async floods({ before }) {
        const waiting = Map.groupBy(messages.filter(isFlooded), ({ form, recipient }) =>
          JSON.stringify([form, recipient]),
        )
        return [...waiting.values()]
          .filter((group) => group.some(({ createdAt }) => createdAt <= before))
          .map(([first]) => ({ form: first?.form ?? '', recipient: first?.recipient ?? '' }))
      },
      flooded: async ({ form, recipient, limit, after = '' }) =>
        copy(
          messages
            .filter((one) => isFlooded(one) && one.form === form && one.recipient === recipient && one.id > after)
            .sort((a, b) => (a.id < b.id ? -1 : 1))
            .slice(0, limit)
            .map(({ id, version, reference, createdAt }) => ({ id, version, reference, createdAt })),
        ),
      withDeadLease: async ({ now, latest: furthest, limit }) =>
        copy(
          messages
            .filter(({ lease }) => lease !== null && (lease.until <= now || lease.until > furthest))
            .slice(0, limit),
        ),
      overdue: async ({ now, latest: furthest, limit }) =>
        copy(
          messages
            .filter(
              (message) =>
                isFree(message) &&
                ((isWorkingState(message.state) &&
                  message.expiresAt <= now &&
                  (message.attempts > 0 || message.dueAt === null)) ||
                  (message.dueAt !== null && message.dueAt > furthest)),
            )
            .slice(0, limit),
        ),
      news: async ({ from, after = '', limit }) =>
        copy(
          messages
            .filter(({ state }) => state.name !== 'queued' && state.since >= from)
            .filter(({ id, state }) => state.since > from || id > after)
            .sort((a, b) => a.state.since - b.state.since || (a.id < b.id ? -1 : 1))
            .slice(0, limit)
            .map(({ id, submissionId, reference, form, formVersion, role, recipient, createdAt, state }) => ({
              id,
              submissionId,
              reference,
              form,
              formVersion,
              role,
              recipient,
              createdAt,
              state,
            })),
        ),
      async counts(now) {
        const states: Partial<Record<StateName, number>> = { sending: 0 }
        for (const message of messages) states[shownState(message)] = (states[shownState(message)] ?? 0) + 1
        const due = messages.filter((message) => isDue(message, now)).map(({ dueAt }) => Number(dueAt))
        return { states, oldestDueAt: due.length === 0 ? null : Math.min(...due) }
      },
    },

    mailbox: {
      async add(mail, feedback, keep) {
        if (mails.some(({ messageId, attempt }) => messageId === mail.messageId && attempt === mail.attempt)) return
        mails.push(copy(mail))
        if (feedback !== null) feedbacks.push(copy(feedback))
        mails.splice(0, Math.max(0, mails.length - keep))
      },
      list: async ({ limit, before }) => paged(mails, limit, before, ({ raw: _, ...summary }) => copy(summary)),
      get: async (id) => copy(mails.find((mail) => mail.id === id) ?? null),
      async clear() {
        mails.length = 0
      },
      dueFeedback: async (now) => copy(feedbacks.filter(({ dueAt }) => dueAt <= now)),
      async doneFeedback(messageId) {
        feedbacks = feedbacks.filter((feedback) => feedback.messageId !== messageId)
      },
    },

    access: {
      async add({ hash, kind, expiresAt }) {
        secrets.set(hash, { kind, expiresAt })
      },
      async use({ hash, kind, now }) {
        const secret = secrets.get(hash)
        if (secret?.kind !== kind || secret.expiresAt <= now) return false
        if (kind === 'link') secrets.delete(hash)
        return true
      },
      async remove(hash) {
        secrets.delete(hash)
      },
    },

    stops: {
      async add(stop) {
        stops.set(stop.address, copy(stop))
      },
      async get(address, now) {
        const stop = stops.get(address)
        return stop !== undefined && stop.until > now ? copy(stop) : null
      },
      async remove(address) {
        stops.delete(address)
      },
    },

    alarms: {
      active: async () => copy([...alarms.values()].filter((alarm) => alarm.overAt === null || isTelling(alarm))),
      list: async ({ limit }) => copy([...alarms.values()].sort((a, b) => b.since - a.since).slice(0, limit)),
      get: async (key) => copy(alarms.get(key) ?? null),
      async put(alarm) {
        if ((alarms.get(alarm.key)?.version ?? 0) !== alarm.version - 1) return 'stale'
        alarms.set(alarm.key, copy(alarm))
        return 'ok'
      },
    },

    budgets: {
      async spend({ key, subject, max, now, since }) {
        budget = budget.filter((spent) => spent.key !== key || spent.at >= since)
        const own = budget.filter((spent) => spent.key === key)
        if (own.some((spent) => spent.subject === subject)) return 'allowed'
        if (own.length >= max) return 'exhausted'
        budget.push({ key, subject, at: now })
        return 'allowed'
      },
      async forget({ before, limit }) {
        const old = new Set(budget.filter(({ at }) => at < before).slice(0, limit))
        budget = budget.filter((spent) => !old.has(spent))
        return old.size
      },
    },
  }
}

/** Waits for a digest. */
function isFlooded({ role, lease, state }: Message): boolean {
  return role === 'notification' && lease === null && state.name === 'held' && state.heldReason === 'flood'
}

/** What is being sent is told as such, and only so. */
function shownState({ lease, state }: Message): StateName {
  return lease !== null && isWorkingState(state) ? 'sending' : state.name
}

/** Blobs in memory. */
export function memoryBlobs(): BlobStore {
  const blobs = new Map<string, { content: Uint8Array; at: number }>()
  const checked = (key: string) => {
    if (!/^[a-z2-7]{26}$/.test(key)) throw new TypeError('not a blob key')
    return key
  }
  return {
    async create(key) {
      checked(key)
      const pieces: Uint8Array[] = []
      return {
        async write(chunk) {
          pieces.push(Uint8Array.from(chunk))
        },
        async commit() {
          blobs.set(key, { content: Buffer.concat(pieces), at: Date.now() })
        },
        async discard() {
          pieces.length = 0
        },
      }
    },
    read: async (key) => blobs.get(checked(key))?.content ?? null,
    async stream(key) {
      const content = blobs.get(checked(key))?.content
      if (content === undefined) return null
      return (async function* () {
        yield content
      })()
    },
    async delete(key) {
      blobs.delete(checked(key))
    },
    async *olderThan(time) {
      for (const [key, { at }] of blobs) if (at < time) yield key
    },
  }
}
