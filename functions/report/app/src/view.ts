// What a view is, and what it is given.

import type { ComponentChild } from 'preact'
import type { Cube, Slice } from './cube'
import type { Snapshot } from './data'
import type { Format } from './format'
import type { State } from './state'
import type { Words } from './words'

export interface ViewProps {
  readonly snapshot: Snapshot
  readonly state: State
  readonly cube: Cube
  /** Figures of the chosen period; of the one it is compared with (null: none). */
  readonly now: Slice
  readonly before: Slice | null
  readonly words: Words
  readonly format: Format
  /** Whether the chosen period is the mailed one. */
  readonly isReportPeriod: boolean
  /** Another choice: part of the state. `push`: a step that the browser's "back" undoes. */
  readonly go: (change: Partial<State>, push?: boolean) => void
  /** The address of another choice, for links. */
  readonly address: (change: Partial<State>) => string
}

export interface View {
  /** Of SECTIONS in shared/report_settings.py. */
  readonly name: string
  /** As the navigation has it. */
  readonly title: (words: Words) => string
  /** Throwing is allowed: the view is named as failed, its static sections are shown, the others go on. */
  readonly show: (props: ViewProps) => ComponentChild
  /** Whether the static sections of this name are left away while the live view stands (else they follow it). */
  readonly covers?: boolean
}
