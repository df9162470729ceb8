/** @module `quarry config show`: what a node would be told, and by whom. */

import { type NodeSettings, resolveProcessSettings } from './config.ts'
import { SETTINGS, type SettingDefinition } from './settings.ts'

/** How the settings are shown. */
export interface ConfigShowOptions {
  /** Where each value comes from, as a comment behind it. */
  readonly withOrigin: boolean
  readonly isJson: boolean
}

function readSetting(settings: NodeSettings, { field, format }: SettingDefinition): unknown {
  const value = settings[field as keyof NodeSettings]
  return format === undefined || value === undefined ? value : format(value as never)
}

/** The settings as text: a TOML file that `--config` takes, or JSON. */
export function formatSettings(
  flags: Readonly<Record<string, unknown>>,
  options: ConfigShowOptions,
): string {
  const { settings, origins } = resolveProcessSettings(flags)
  const entries = SETTINGS.map((setting) => ({
    name: setting.name,
    value: readSetting(settings, setting),
    origin: origins[setting.name],
  }))
  if (options.isJson) {
    const toJson = options.withOrigin
      ? entries.map(({ name, value, origin }) => [name, { value: value ?? null, origin }])
      : entries.map(({ name, value }) => [name, value ?? null])
    return JSON.stringify(Object.fromEntries(toJson), undefined, 2)
  }
  return entries
    .map(({ name, value, origin }) => {
      const comment = options.withOrigin ? `  # ${origin}` : ''
      // A text in JSON is a text in TOML, too, and so is a list of texts.
      return value === undefined
        ? `# ${name} is not set${comment}`
        : `${name} = ${JSON.stringify(value)}${comment}`
    })
    .join('\n')
}
