import { expect, test } from 'vitest'
import { unknownFields } from './check.ts'

const names = new Set(['name', 'お名前', 'Full name', 'driver’s', "driver's", 'a.b', 'a]b', 'full-name'])

test.each([
  '{{ fields.name }} {{ fields.name.size }} {{ fields.name[0] }}',
  '{{ fields.お名前 }} {{ fields["お名前"] }}',
  '{{ fields["Full name"] | upcase }}',
  '{{ fields["driver’s"] }} {{ fields["driver\'s"] }}',
  '{{ fields["a.b"] }} {{ fields["a]b"].size }} {{ fields.full-name }}',
  '{% for field in fields %}{{ field }}{% endfor %} {{ fields[email] }}',
])('fields of the form are known, however a template writes them: %s', (source) => {
  expect(unknownFields(source, names)).toEqual([])
})

test.each([
  ['phone', '{{ fields.phone }}'],
  ['電話', '{{ fields.電話 }}'],
  ['電話', '{{ fields["電話"] }}'],
  ['Phone number', '{{ fields["Phone number"] }}'],
  ["owner's", '{{ fields["owner\'s"] }}'],
  ['b.a', '{{ fields["b.a"].size }}'],
  ['name-kana', '{{ fields.name-kana }}'],
])('a field %s that no page has is named, with its line: %s', (name, source) => {
  expect(unknownFields(`Hello\n{{ fields.name }}\n\n${source}`, names)).toEqual([
    { line: 4, rule: `uses the field “${name}”, which no page of the form has` },
  ])
})
