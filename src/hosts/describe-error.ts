import { errorText, TodokuError } from '../core/errors.ts'

/** An error in the words of the catalogue; an unknown one in its own. */
export function describeError(error: unknown): { code: string; message: string; next: string } {
  if (error instanceof TodokuError) {
    const { sentence, next } = errorText(error.code, 'en')
    return { code: error.code, message: error.detail ?? sentence, next: error.detail === null ? next : '' }
  }
  return {
    code: 'internal',
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    next: '',
  }
}
