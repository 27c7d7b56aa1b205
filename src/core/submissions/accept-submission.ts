import { addressIn } from '../../mail/address.ts'
import { base64url } from '../base-encoding.ts'
import type { AcceptCommand, Deps } from '../deps.ts'
import type { FieldError } from '../forms/field-errors.ts'
import type { FormRecord, RuleVariant } from '../forms/form.ts'
import { isOnPath, validate } from '../forms/validate.ts'
import { acceptedLanguages, type Language, pickLanguage } from '../language.ts'
import { isConfirmed, planMessages, submitterAddress } from '../messages/plan.ts'
import { ruledReplyToNames, splitControls } from './control-fields.ts'
import { mayPost, redirectTarget, withStatusLink } from './redirect.ts'
import { newReference } from './reference.ts'
import { filesBeyond, openUploads, withStaged } from './staged-uploads.ts'
import { statusUrl } from './status-token.ts'
import type { Entry, Observation, Submission } from './submission.ts'

type AcceptDeps = Pick<
  Deps,
  'submissions' | 'queue' | 'transport' | 'settings' | 'clock' | 'ids' | 'crypto' | 'patterns' | 'log' | 'metrics'
>

/** A post as the API read it; uploads lie in the blob store already. */
export type Post = {
  entries: readonly Entry[]
  /** The `Idempotency-Key` header, without quotes. */
  idempotencyKey: string | null
  client: { address: string; agent: string }
  /** Origin of the posting page, and its path where the browser tells it. */
  pageOrigin: string | null
  pagePath: string | null
  acceptLanguage: string | null
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
      /** Whether a confirmation is among its mails. */
      confirmation: boolean
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
  | { kind: 'origin-refused'; language: Language }
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
  const { fields: posted, controls } = splitControls(post.entries)
  const fields = withStaged(posted, openUploads(deps, form.name, controls.uploads))
  const language = postLanguage(deps, form, post)
  const redirect = { publicUrl: deps.settings.publicUrl, pageOrigin: post.pageOrigin, settings: form.settings }
  if (!mayPost(post.pageOrigin, redirect)) return { kind: 'origin-refused', language }
  const beyond = filesBeyond(fields, deps.settings.limits)
  if (beyond !== null) return { kind: beyond, language }

  const ruled = ruledReplyToNames(form)
  const judged = [...fields, ...post.entries.filter(({ name }) => ruled.includes(name))]
  const verdict = await validate(deps, form, judged, { refererPath: post.pagePath, language })
  if (verdict.errors.length > 0) {
    return { kind: 'invalid', language, errors: verdict.errors, fields, variant: verdict.variant }
  }

  const { replyTo } = controls
  const email = submitterAddress(form, judged) ?? (replyTo === null ? null : addressIn(replyTo))
  const unusable: Observation[] =
    replyTo !== null && email === null ? [{ field: '_replyto', code: 'ADDRESS_UNUSABLE' }] : []
  const idempotency = idempotencyOf(post.idempotencyKey, controls.idempotencyKey)
  const receivedAt = deps.clock.now()
  const command = (submission: Submission): AcceptCommand => ({
    submission,
    messages: planMessages(deps, form, submission),
    idempotency,
    repetition: idempotency === null && email !== null ? { since: receivedAt - repetitionWindow } : null,
  })
  const { address, agent } = post.client
  const submission: Submission = {
    id: deps.ids.next(),
    reference: newReference(deps.ids),
    form: form.name,
    formVersion: form.version,
    receivedAt,
    language,
    review: 'accepted',
    entries: fields,
    observations: [...verdict.observations, ...unusable],
    email,
    clientKey: keyed(deps, 'client', `${address}\n${agent}`),
    networkKey: keyed(deps, 'network', networkOf(address)),
    tokenKey: deps.crypto.currentKey,
    salt: base64url(deps.ids.bytes(16)),
    // An address that was corrected makes it another post, wherever it stands.
    bodyHash: keyed(deps, 'body', canonical([...fields, ...replyToEntry(replyTo)])),
    resends: [],
  }
  const next = redirectTarget(controls.next ?? form.settings.thanks, redirect)
  return await store(deps, form, submission, command, next)
}

async function store(
  deps: AcceptDeps,
  form: FormRecord,
  drawn: Submission,
  command: (submission: Submission) => AcceptCommand,
  next: string | null,
): Promise<AcceptOutcome> {
  let submission = drawn
  for (;;) {
    const result = await deps.submissions.accept(command(submission))
    switch (result.kind) {
      case 'reference-taken':
        submission = { ...submission, reference: newReference(deps.ids) }
        continue
      case 'conflict':
        return { kind: 'conflict', language: submission.language }
      case 'repeated':
        return answer(deps, form, result.submission, true, next)
      case 'accepted':
        deps.queue.announce()
        return answer(deps, form, submission, false, next)
    }
  }
}

function answer(
  deps: AcceptDeps,
  form: FormRecord,
  submission: Submission,
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
    confirmation: isConfirmed(form, submission),
    // A browser's redirect does not show it; a signature that nobody sees is not made.
    receipt: () => deps.crypto.sign(receiptOf(deps, submission)),
  }
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

/** A household's share of the address space: the whole IPv4 address, or the first 64 bits of an IPv6 one. */
function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.toLowerCase().split('::')
  const groups = head.split(':').filter((group) => group !== '')
  if (tail !== undefined) {
    const after = tail.split(':').filter((group) => group !== '')
    while (groups.length + after.length < 8) groups.push('0')
  }
  return groups.slice(0, 4).join(':')
}

/** Page's wish, then the page it came from, then the form's settings, then the browser's, then the instance's. */
export function postLanguage(
  deps: Pick<Deps, 'settings'>,
  form: FormRecord,
  post: Pick<Post, 'entries' | 'pagePath' | 'acceptLanguage'>,
): Language {
  const { pagePath } = post
  const wanted = splitControls(post.entries).controls.language
  const page = pagePath === null ? null : form.variants.find((variant) => isOnPath(variant, pagePath))
  const ofPages = new Set(form.variants.map((variant) => pickLanguage([variant.language])))
  const common = ofPages.size === 1 ? [...ofPages][0] : null
  return (
    pickLanguage([wanted, page?.language, form.settings.language, common, ...acceptedLanguages(post.acceptLanguage)]) ??
    deps.settings.language
  )
}
