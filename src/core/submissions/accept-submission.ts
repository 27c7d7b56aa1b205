import { addressIn } from '../../mail/address.ts'
import { base64url } from '../base-encoding.ts'
import type { AcceptCommand, Deps } from '../deps.ts'
import type { FieldError } from '../forms/field-errors.ts'
import type { FormRecord, RuleVariant } from '../forms/form.ts'
import { isOnPath, validate } from '../forms/validate.ts'
import { acceptedLanguages, type Language, pickLanguage } from '../language.ts'
import { isToldToSubmitter } from '../messages/held.ts'
import type { PlannedMessage } from '../messages/message.ts'
import { getsConfirmation, planMessages, submitterAddress } from '../messages/plan.ts'
import { ruledReplyToNames, splitControls } from './control-fields.ts'
import { type Judgement, judge } from './judge/judge.ts'
import { type Client, networkKey, tellsNothing, widerNetworkKey } from './network.ts'
import { redirectTarget, withStatusLink } from './redirect.ts'
import { newReference } from './reference.ts'
import { filesBeyond, openUploads, withStaged } from './staged-uploads.ts'
import { statusUrl } from './status-token.ts'
import type { Entry, Observation, Submission } from './submission.ts'
import { isTestKey } from './test-key.ts'

type AcceptDeps = Pick<
  Deps,
  | 'submissions'
  | 'messages'
  | 'queue'
  | 'transport'
  | 'settings'
  | 'clock'
  | 'ids'
  | 'crypto'
  | 'patterns'
  | 'rates'
  | 'proofs'
>

/** A post as the API read it; uploads lie in the blob store already. */
export type Post = {
  entries: readonly Entry[]
  /** The `Idempotency-Key` header, without quotes. */
  idempotencyKey: string | null
  client: Client & { agent: string }
  /** Origin of the posting page, and its path where the browser tells it. */
  pageOrigin: string | null
  pagePath: string | null
  acceptLanguage: string | null
  /** So many posts come from its network that it is taken only with a proof of work (`crowd.ts`). */
  crowded: boolean
}

export type AcceptOutcome =
  | {
      kind: 'accepted'
      submission: Submission
      /** The same post was accepted before; this is its answer again. */
      repeated: boolean
      statusUrl: string
      /** Where the page wants the browser to go; null: to the status page. */
      next: string | null
      /** Whether a confirmation is among its mails, and whether that one waits for somebody. */
      confirmation: 'queued' | 'held' | null
      /** Makes the signed receipt (JWS): reference, time, commitment to the content. */
      receipt: () => string
    }
  | {
      kind: 'invalid'
      language: Language
      errors: readonly FieldError[]
      fields: readonly Entry[]
      variant: RuleVariant | null
    }
  /** Too many posts come from its network, and it proves no work. */
  | { kind: 'crowded'; language: Language; fields: readonly Entry[] }
  /** Together with the uploads of earlier tries. */
  | { kind: 'too-many-files' | 'too-large'; language: Language }
  /** The header key was used with another body. */
  | { kind: 'conflict'; language: Language }

/** A post without a key is a repetition only of the client's latest one, within this. Milliseconds. */
const repetitionWindow = 2 * 60_000

/**
 * Judges a post and stores it with its planned mails. Nobody outside is asked; when this resolves with `accepted`, the
 * submission is on the disk (invariant 1).
 *
 * @throws TodokuError('store-unavailable') when nothing could be stored
 */
export async function acceptSubmission(deps: AcceptDeps, form: FormRecord, post: Post): Promise<AcceptOutcome> {
  const { fields: posted, controls } = splitControls(post.entries, form)
  const fields = withStaged(posted, openUploads(deps, form.name, controls.uploads))
  const language = postLanguage(deps, form, controls.language, post)
  const redirect = { publicUrl: deps.settings.publicUrl, pageOrigin: post.pageOrigin, settings: form.settings }
  const refused = { kind: 'crowded', language, fields } as const
  if (post.crowded && controls.captcha.altcha === null) return refused
  const beyond = filesBeyond(fields, deps.settings.limits)
  if (beyond !== null) return { kind: beyond, language }

  const ruled = ruledReplyToNames(form)
  const judged = [...fields, ...post.entries.filter(({ name }) => ruled.includes(name))]
  const checked = await validate(deps, form, judged, { refererPath: post.pagePath, language })
  if (checked.errors.length > 0) {
    return { kind: 'invalid', language, errors: checked.errors, fields, variant: checked.variant }
  }

  const { replyTo } = controls
  const email = submitterAddress(form, judged) ?? (replyTo === null ? null : addressIn(replyTo))
  const unusable: Observation[] =
    replyTo !== null && email === null ? [{ field: '_replyto', code: 'ADDRESS_UNUSABLE' }] : []
  const idempotency = idempotencyOf(post.idempotencyKey, controls.idempotencyKey)
  const receivedAt = deps.clock.now()
  const { address, agent } = post.client
  const network = networkKey(deps, address)
  const widerNetwork = widerNetworkKey(deps, address)
  const isOurTest = controls.test && isTestKey(deps, form.name, post.idempotencyKey)
  // A test asks nobody, so where the submitter is to be asked first, anybody could go around that by saying that theirs is one.
  const test = controls.test && (isOurTest || form.settings.doubleOptIn !== true || email === null)
  const judgement = await judge(deps, form, {
    fields,
    controls,
    pageOrigin: post.pageOrigin,
    network: tellsNothing(post.client) ? null : network,
    widerNetwork,
    getsConfirmation: getsConfirmation(form, { email, test }),
    crowded: post.crowded,
  })
  if (post.crowded && judgement.proof === null) return refused
  const command = (submission: Submission, { proof, hold }: Proof): AcceptCommand => {
    const { messages, capped } = planMessages(deps, form, submission, hold)
    const repetition = idempotency === null && email !== null ? { since: receivedAt - repetitionWindow } : null
    // A test of ours asks whether its mail arrives: it must not wait for a digest because others post tests.
    return { submission, messages, capped: isOurTest ? [] : capped, proof, idempotency, repetition }
  }
  const submission: Submission = {
    id: deps.ids.next(),
    reference: newReference(deps.ids),
    form: form.name,
    formVersion: form.version,
    receivedAt,
    language,
    review: judgement.review,
    verdict: judgement.verdict,
    reviewedAt: null,
    disownedAt: null,
    test,
    wishes: { subject: controls.subject, senderName: controls.fromName, cc: controls.cc },
    entries: fields,
    observations: [...checked.observations, ...unusable],
    email,
    clientKey: keyed(deps, 'client', `${address}\n${agent}`),
    networkKey: network,
    widerNetworkKey: widerNetwork,
    tokenKey: deps.crypto.currentKey,
    salt: base64url(deps.ids.bytes(16)),
    // An address that was corrected makes it another post, wherever it stands.
    bodyHash: keyed(deps, 'body', canonical([...fields, ...replyToEntry(replyTo)])),
    resends: [],
  }
  // A page that wishes itself somewhere it may not go still has the form's own page for it.
  const next = redirectTarget(controls.next, redirect) ?? redirectTarget(form.settings.thanks, redirect)
  return (await store(deps, form, submission, judgement, command, post.crowded, next)) ?? refused
}

type Proof = Pick<Judgement, 'proof' | 'hold'>

/** Null when it was let through for a proof that turned out to be used. */
async function store(
  deps: AcceptDeps,
  form: FormRecord,
  drawn: Submission,
  judged: Proof,
  command: (submission: Submission, proof: Proof) => AcceptCommand,
  crowded: boolean,
  next: string | null,
): Promise<AcceptOutcome | null> {
  let submission = drawn
  let proof = judged
  for (;;) {
    const planned = command(submission, proof)
    const result = await deps.submissions.accept(planned)
    switch (result.kind) {
      case 'reference-taken':
        submission = { ...submission, reference: newReference(deps.ids) }
        continue
      case 'proof-used':
        if (crowded) return null
        proof = { proof: null, hold: form.settings.confirmation?.proof === 'required' ? 'no-proof' : null }
        continue
      case 'conflict':
        return { kind: 'conflict', language: submission.language }
      case 'repeated': {
        const messages = await deps.messages.ofSubmission(result.submission.id)
        return answer(deps, form, result.submission, messages, true, next)
      }
      case 'accepted': {
        deps.queue.announce()
        const held = new Map(planned.capped.map(({ messageId, capped }) => [messageId, capped.state]))
        const stored = planned.messages.map(({ id, role, state }) => ({
          role,
          state: result.held.includes(id) ? (held.get(id) ?? state) : state,
        }))
        return answer(deps, form, submission, stored, false, next)
      }
    }
  }
}

function answer(
  deps: AcceptDeps,
  form: FormRecord,
  submission: Submission,
  messages: readonly Pick<PlannedMessage, 'role' | 'state'>[],
  repeated: boolean,
  next: string | null,
): AcceptOutcome {
  const url = statusUrl(deps, submission)
  return {
    kind: 'accepted',
    submission,
    repeated,
    statusUrl: url,
    next: next === null ? null : withStatusLink(next, url),
    confirmation: confirmationOf(form, submission, messages),
    // A browser's redirect does not show it; a signature that nobody sees is not made.
    receipt: () => deps.crypto.sign(receiptOf(deps, submission)),
  }
}

/** What waits for review has no mails yet. */
function confirmationOf(
  form: FormRecord,
  submission: Submission,
  messages: readonly Pick<PlannedMessage, 'role' | 'state'>[],
): 'queued' | 'held' | null {
  if (!getsConfirmation(form, submission)) return null
  const { name, heldReason } = messages.find(({ role }) => role === 'confirmation')?.state ?? { name: 'held' }
  // What an address may not get for what others did with it is nothing for whoever typed it.
  return name === 'held' && (heldReason === undefined || isToldToSubmitter(heldReason)) ? 'held' : 'queued'
}

/** What a receipt says. The commitment hides the content and binds it: who has both can check it, nobody can guess it. */
function receiptOf(deps: AcceptDeps, submission: Submission): Record<string, unknown> {
  const commitment = base64url(deps.crypto.sha256(`${submission.salt}\n${canonical(submission.entries)}`))
  return {
    iss: deps.settings.publicUrl,
    form: submission.form,
    reference: submission.reference,
    receivedAt: new Date(submission.receivedAt).toISOString(),
    commitment,
  }
}

/** The content as one text: what is equal here is the same post. Files count by their content, not by when they came. */
function canonical(entries: readonly Entry[]): string {
  return JSON.stringify(
    entries.map((entry) =>
      entry.kind === 'text'
        ? [entry.name, entry.value]
        : [entry.name, entry.file.fileName, entry.file.size, entry.file.hash],
    ),
  )
}

function idempotencyOf(header: string | null, field: string | null): AcceptCommand['idempotency'] {
  if (header !== null) return { source: 'header', key: header }
  return field === null ? null : { source: 'field', key: field.slice(0, 200) }
}

function replyToEntry(replyTo: string | null): Entry[] {
  return replyTo === null ? [] : [{ kind: 'text', name: '_replyto', value: replyTo }]
}

function keyed(deps: AcceptDeps, purpose: string, data: string): string {
  return base64url(deps.crypto.mac(purpose, data))
}

/** Page's wish, then the page it came from, then the form's settings, then the browser's, then the instance's. */
export function postLanguage(
  deps: Pick<Deps, 'settings'>,
  form: FormRecord,
  wanted: string | null,
  { pagePath, acceptLanguage }: Pick<Post, 'pagePath' | 'acceptLanguage'>,
): Language {
  const page = pagePath === null ? null : form.variants.find((variant) => isOnPath(variant, pagePath))
  const ofPages = new Set(form.variants.map((variant) => pickLanguage([variant.language])))
  const common = ofPages.size === 1 ? [...ofPages][0] : null
  return (
    pickLanguage([wanted, page?.language, form.settings.language, common, ...acceptedLanguages(acceptLanguage)]) ??
    deps.settings.language
  )
}
