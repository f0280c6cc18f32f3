// What a view is, and what it is given. Types only.

/**
 * @typedef {import("../store.js").State} State
 * @typedef {import("../store.js").Changes} Changes
 *
 * @typedef {{ href: string, go: () => void }} Link
 *
 * @typedef {{
 *   mode: string, start_ps: number, end_ps: number, width: number
 * }} WindowQuery
 *
 * @typedef {{
 *   kinds: import("../types.js").Kind[],
 *   laneKinds: import("../types.js").Kind[],
 *   state: () => State,
 *   set: (changes: Changes) => void,
 *   link: (changes: Changes) => Link,
 *   report: () => Promise<import("../types.js").Report>,
 *   steps: () => Promise<import("../types.js").StepColumns>,
 *   trace: (mode: string) => Promise<import("../types.js").TraceOutline>,
 *   timeline: (query: WindowQuery) => Promise<ArrayBuffer>,
 *   event: (mode: string, event: number) => Promise<import("../types.js").EventDetail>,
 *   whose: (mode: string, event: number) => Promise<import("../types.js").EventWhose>,
 *   uses: (query: WindowQuery & {name: string}) => Promise<import("../types.js").OpUse>,
 *   difference: (
 *     baseline: string, mode: string, by: string
 *   ) => Promise<import("../types.js").Comparison>,
 *   layers: () => Promise<import("../types.js").Layers>,
 *   memory: () => Promise<import("../types.js").Memory>,
 *   profileLink: (run: string, tool: string) => Promise<string | null>,
 * }} Context
 *
 * @typedef {{
 *   element: HTMLElement,
 *   update: (state: State) => void,
 *   close: () => void,
 *   setTheme?: () => void,
 *   setVisible?: (visible: boolean) => void,
 * }} OpenView
 *
 * @typedef {{
 *   id: string, title: string, open: (context: Context) => Promise<OpenView>
 * }} View
 */

export {};
