import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openApiDocument } from '../src/api/app.ts'
import { schemaOf } from '../tools/client-gen/generate.ts'

test('the client’s types are those of the OpenAPI document (npm run client)', async () => {
  const file = join(import.meta.dirname, '../src/client/schema.ts')
  expect(readFileSync(file, 'utf8')).toBe(await schemaOf(JSON.stringify(openApiDocument())))
})

test('the document is OpenAPI 3.1, and every operation has a name and a summary', () => {
  const document = openApiDocument() as {
    openapi: string
    paths: Record<string, Record<string, { operationId?: string; summary?: string }>>
  }
  expect(document.openapi).toBe('3.1.0')
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods))
  expect(operations.length).toBeGreaterThan(10)
  for (const { operationId, summary } of operations) {
    expect(operationId).toBeTruthy()
    expect(summary).toBeTruthy()
  }
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length)
})
