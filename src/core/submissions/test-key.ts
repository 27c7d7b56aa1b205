import { base64url } from '../base-encoding.ts'
import type { Deps } from '../deps.ts'

/**
 * The idempotency key of a test that we post ourselves. It tells such a test from a post that only says that it is one, and
 * is good for that one post, as every such key is.
 */
export function newTestKey(deps: Pick<Deps, 'crypto' | 'ids'>, form: string): string {
  const id = deps.ids.next()
  return `${id}.${macOf(deps, form, id)}`
}

/** Whether a key is of a test of ours, of this form. */
export function isTestKey(deps: Pick<Deps, 'crypto'>, form: string, key: string | null): boolean {
  const [, id = '', mac = ''] = /^([0-9a-zA-Z-]{1,60})\.([\w-]{22})$/.exec(key ?? '') ?? []
  const encode = (text: string) => new TextEncoder().encode(text)
  return id !== '' && deps.crypto.equal(encode(macOf(deps, form, id)), encode(mac))
}

function macOf(deps: Pick<Deps, 'crypto'>, form: string, id: string): string {
  return base64url(deps.crypto.mac('test post', `${form}\n${id}`).subarray(0, 16))
}
