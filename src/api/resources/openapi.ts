import { z } from '@hono/zod-openapi'

/** Head of the OpenAPI document. */
export const openApiInfo = {
  openapi: '3.1.0',
  info: {
    title: 'Todoku',
    version: '1',
    description: 'Forms, submissions and the fate of their mail. Bearer token or session; problems as RFC 9457.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
}

const fieldError = z
  .object({ field: z.string().nullable(), code: z.string(), message: z.string() })
  .meta({ id: 'FieldError' })

/** An answer that is not a success (RFC 9457). */
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    code: z.string(),
    ok: z.literal(false),
    success: z.literal(false),
    error: z.string(),
    message: z.string(),
    errors: z.array(fieldError),
  })
  .meta({ id: 'Problem' })

/** Answers that any operation may give. */
export const problems = {
  default: {
    description: 'What went wrong, and what to do',
    content: { 'application/problem+json': { schema: problem } },
  },
} as const

export function json<S extends z.ZodType>(description: string, schema: S) {
  return { description, content: { 'application/json': { schema } } } as const
}

export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  before: z
    .string()
    .regex(/^\d{1,16}$/)
    .optional()
    .meta({ description: '`cursor` of the page before' }),
})

export const language = z.enum(['en', 'ja']).meta({ id: 'Language' })
export const time = z.string().meta({ format: 'date-time' })
