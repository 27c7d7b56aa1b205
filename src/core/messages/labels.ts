import type { FormRecord } from '../forms/form.ts'
import type { Language } from '../language.ts'

/** The label of a field as its pages show it, best in this language; else the field's name. */
export function labelOf(form: FormRecord, name: string, language: Language): string {
  const labels = form.variants.flatMap((variant) =>
    variant.controls
      .filter((control) => control.name === name && control.label !== null)
      .map((control) => ({
        label: control.label as string,
        fits: variant.language?.toLowerCase().startsWith(language),
      })),
  )
  return (labels.find(({ fits }) => fits) ?? labels[0])?.label ?? name
}
