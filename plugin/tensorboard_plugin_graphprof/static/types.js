// The shapes that the backend sends, for the type checker. The report is described in
// docs/report-schema.md, everything else in http_api.md.

/**
 * @typedef {{
 *   id: string, title: string, explanation: string
 * }} Kind
 *
 * The kinds that a step divides into, and those that only a thread can be in beside them. Numbers in the
 * timeline's data count through both.
 * @typedef {{ kinds: Kind[], beside: Kind[] }} Kinds
 *
 * @typedef {{
 *   id: string, target: string | null, phase: string | null, created: string | null,
 *   status: string | null, modes: string[], error: Problem | null
 * }} SessionEntry
 *
 * @typedef {{
 *   sessions: SessionEntry[], logdir: string, version: string
 * }} SessionList
 *
 * @typedef {{ message: string, cure: string, kind?: string }} Problem
 *
 * @typedef {{
 *   median: number | null, low: number | null, high: number | null, figures?: number | null
 * }} StepTime
 *
 * @typedef {{ value: number | null, low: number | null, high: number | null }} Estimate
 *
 * @typedef {Estimate & {
 *   verdict: string, detectable: number | null, blocks_needed: number | null,
 *   figures?: number | null
 * }} Ratio
 *
 * @typedef {{ kind: string, seconds: number, share: number }} Part
 *
 * @typedef {{
 *   profile_run: string, events: number, parallelism: number | null,
 *   background_input_s: number | null, unknown_s: number | null, unknown_names: string[],
 *   exact_steps: boolean, problems: string[]
 * }} TraceInfo
 *
 * @typedef {{
 *   kind: string, name: string, relative: number | null, ulp: number | null, tolerance: number
 * }} WorstError
 *
 * @typedef {WorstError & {
 *   ok: boolean | null,
 *   reference: {relative: number | null, ulp: number | null, ok: boolean | null} | null
 * }} ArrayError
 *
 * @typedef {{
 *   verdict: string, reason: string | null, first_layer: string | null, worst: WorstError | null,
 *   compared: number, random?: string[], times_baseline?: number | null,
 *   worst_from_reference?: WorstError | null, arrays?: ArrayError[]
 * }} Agreement
 *
 * @typedef {{
 *   baseline: string, steps: number | null, precision: string | null, reference: string | null,
 *   no_reference: string | null, random_layers: string[], arrays: ArrayError[]
 * }} ParityBasis
 *
 * @typedef {{
 *   mode: string, title: string, status: string, resolved: Record<string, unknown>,
 *   error: Problem | null, notes: string[], steps: {asked: number | null, shown: number | null},
 *   first_step_s: number | null, step_time_s: StepTime, undisturbed_step_s?: number | null,
 *   traced_step_s: number | null, tracing_overhead: Estimate | null, ratio: Ratio | null,
 *   breakdown: Part[] | null,
 *   parity?: Agreement | null,
 *   measured: {processes: number, blocks: number, steps: number, warmup_steps: number} | null,
 *   trace: TraceInfo | null, what_if?: WhatIf[], compile?: Compiling | null,
 *   graph?: GraphSize | null
 * }} ModeReport
 *
 * @typedef {{ file: string, line: number }} CodeLine
 *
 * @typedef {{ part: string, seconds: number, share: number }} CallPart
 *
 * @typedef {{
 *   before: number, optimised: number | null, ran: number | null, removed: Record<string, number>,
 *   instructions: number | null, fusions: number | null
 * }} GraphSize
 *
 * @typedef {{
 *   function: string, defined_at: CodeLine | null, called_from: CodeLine | null, arguments: string,
 *   seconds: number, ops: number, jit_compile: boolean, inside: boolean
 * }} BuiltGraph
 *
 * @typedef {{
 *   what: string, function: string, defined_at: CodeLine | null, called_from: CodeLine | null,
 *   cause: string, argument: string | null, words: string, change: string | null, count: number,
 *   timed: number, building_s: number, extra_s: number | null
 * }} BuiltAgain
 *
 * @typedef {{
 *   against: string, status: string, step: number | null, low: number | null, high: number | null,
 *   epochs: Estimate | null
 * }} BreakEven
 *
 * What building and compiling cost a mode.
 * @typedef {{
 *   first_call_s: StepTime | null, first_call_traced: boolean, steps_in_first_call: number,
 *   extra_s: number | null, recurring_s: number | null, traced_first_call_s: number | null,
 *   parts: CallPart[] | null,
 *   building_s: StepTime | null, buildings: BuiltGraph[] | null, before: BuiltGraph[],
 *   again: BuiltAgain[], left_out: number, break_even: BreakEven[], calls_s: number[],
 *   problems: string[]
 * }} Compiling
 *
 * @typedef {{
 *   function: string, defined_at: CodeLine | null, called_from: CodeLine | null, arguments: string,
 *   buildings: number, building_s: number, first_run_s: number, ops: number, jit_compile: boolean
 * }} BuiltFunction
 *
 * @typedef {{ value: number, low: number, high: number, of?: string, measured?: boolean }} Gain
 *
 * Where a number can be looked at.
 * @typedef {{ view: string, mode: string | null, find: string | null }} EvidenceLink
 *
 * @typedef {{
 *   what: string, value: number, unit: string, source?: string, link?: EvidenceLink | null
 * }} Evidence
 *
 * What trying a finding's change showed.
 * @typedef {{
 *   verdict: string, sentence: string, predicted: Gain | null, measured: Gain | null, parity: string,
 *   at: string, session: string | null
 * }} Tried
 *
 * @typedef {{
 *   mode: string, of: string, subject: string, title: string, seconds: number, gain: Gain
 * }} WhatIf
 *
 * @typedef {{
 *   cause?: string, title?: string, severity?: string, sentence?: string, mode?: string | null,
 *   location?: {file: string, line: number, code?: string} | null,
 *   evidence?: Evidence[], expected_gain?: Gain | null, confidence?: number, refuted_by?: string,
 *   change?: string, details?: string[], verified?: Tried | null
 * }} Finding
 *
 * @typedef {{
 *   schema: string,
 *   session: {id: string, path: string, created: string, status: string, target: string},
 *   phase: string, workload: Record<string, unknown>, environment: Record<string, unknown>,
 *   baseline: string | null, verdict: string, warnings: string[], notes: string[],
 *   aa: Ratio | null, machine?: Record<string, unknown>, modes: ModeReport[], findings: Finding[],
 *   program?: Program, in_question?: string | null, parity?: ParityBasis | null
 * }} Report
 *
 * A watched program, in place of modes.
 * @typedef {{
 *   target: string, exit_code: number | null, wall_s: number | null, imports_s: number | null,
 *   work_s: number | null, division: {part: string, seconds: number, share: number}[], seen: string[],
 *   replay?: Replay | null,
 *   compile?: {
 *     building_s: number, first_runs_s: number, functions: BuiltFunction[], again: BuiltAgain[]
 *   } | null
 * }} Program
 *
 * A watched program's work measured in other modes, or why it was not.
 * @typedef {{
 *   what: string | null, why_not: string | null, cure: string | null, session: string | null,
 *   verdict: string | null, baseline: string | null, modes: ModeReport[], notes: string[]
 * }} Replay
 *
 * Every timed call of a session, as columns of equal length. `mode` points into `modes`, `part` into
 * `parts`; the seconds are those of one step. A round of -1 is outside the rounds.
 * @typedef {{
 *   modes: string[], parts: string[],
 *   columns: {
 *     mode: number[], process: number[], round: number[], part: number[], seconds: number[]
 *   },
 *   processes: StepProcess[]
 * }} StepColumns
 *
 * @typedef {{
 *   mode: string, process: number, steps_per_call: number, wave: number, arm: string,
 *   blocks: number, warmup: number, timed: number, first_call_s: number | null,
 *   startup_s: number | null, peak_rss_bytes: number | null, min_s: number | null,
 *   low_quartile_s: number | null, median_s: number | null, high_quartile_s: number | null,
 *   max_s: number | null
 * }} StepProcess
 *
 * @typedef {{ name: string, first_row: number, rows: number, events: number }} TraceLine
 *
 * What a trace holds, without its events. Times count from the trace's start.
 * @typedef {{
 *   mode: string, events: number, start_ps: number, end_ps: number,
 *   names: string[], ops: string[], scopes: string[], lines: TraceLine[],
 *   steps: {num: number[], exact: boolean[], start_ps: number[], end_ps: number[]},
 *   typical: number | null, problems: string[]
 * }} TraceOutline
 *
 * @typedef {{
 *   event: number, name: string, start_ps: number, duration_ps: number, self_ps: number,
 *   depth: number, line: string, kind: string | null, parents: string[]
 * }} EventDetail
 *
 * The op that an event is, or is part of; texts are empty where that is not known.
 * @typedef {{ owner: string, in_pass: string, op_type: string, tag: string }} EventWhose
 *
 * Where the events that a name stands for are; one mark for those that begin on the same pixel. `types` are
 * their op types where ops of a layer were asked for, `how` they do the work of another mode's op.
 * @typedef {{
 *   how: string | null, types: string[], count: number, total_ps: number, next_ps: number | null, previous_ps: number | null,
 *   row: number[], start_ps: number[], span_ps: number[]
 * }} OpUse
 *
 * @typedef {"kind" | "layer" | "op"} By
 *
 * One part of the difference between two modes, seconds of the mean traced step. Texts are empty where
 * they do not apply.
 * @typedef {{
 *   kind: string, owner: string, in_pass: string, op_type: string, baseline_s: number,
 *   mode_s: number, gap_s: number, baseline_busy_s: number, mode_busy_s: number
 * }} GapPart
 *
 * @typedef {{ op_type: string, calls: number, wall_s: number | null, why: string }} Side
 *
 * @typedef {{ owner: string, in_pass: string, how: string, left: Side[], right: Side[] }} Match
 *
 * @typedef {{
 *   session: string, sentence: string, ratio: number | null,
 *   labelled: Record<string, number | null>,
 *   difference: {
 *     baseline: string, mode: string, by: By, baseline_s: number, mode_s: number, gap_s: number,
 *     parts: GapPart[], root: string
 *   },
 *   alignment: {
 *     matches: Match[], left_mapped: number | null, left_vanished: number | null,
 *     right_mapped: number | null, left_unlabelled: number | null, left_explained: number | null
 *   } | null,
 *   warnings: string[]
 * }} Comparison
 *
 * @typedef {{
 *   owner: string, in_pass: string, wall_s: number, share: number, op_s: number, busy_s: number,
 *   kinds: Record<string, number>
 * }} LayerRow
 *
 * @typedef {{
 *   owner: string[], in_pass: string[], op_type: string[], tf_type: string[], name: string[],
 *   tag: string[], calls: number[], recorded: (number | null)[], wall_s: (number | null)[],
 *   busy_s: (number | null)[], low_s: (number | null)[], high_s: (number | null)[],
 *   inputs: string[][], outputs: string[][], flops: (number | null)[], bytes: (number | null)[],
 *   flops_per_s: (number | null)[], bytes_per_s: (number | null)[]
 * }} OpColumns
 *
 * @typedef {{
 *   mode: string, error: Problem | null, step_s: number | null, op_s: number | null,
 *   labelled: number | null, tags: Record<string, number>, rows: LayerRow[], ops: OpColumns,
 *   optimizer: {owner: string, wall_s: number | null, calls: number, recorded: number}[] | null
 * }} ModeLayers
 *
 * @typedef {{
 *   baseline: string | null, root: string, passes: string[], tags: string[], modes: ModeLayers[]
 * }} Layers
 *
 * Memory: bytes, and seconds since a step's start.
 *
 * @typedef {{
 *   owner: string, in_pass: string, bytes: number, share: number, tensors: number, largest: string,
 *   largest_bytes: number, shape: string
 * }} Alive
 *
 * @typedef {{
 *   bytes_per_step: number, low: number, high: number, total_bytes: number, steps: number,
 *   grows: boolean
 * }} Growth
 *
 * @typedef {{
 *   step_bytes: number | null, needed_bytes: number | null, source: string | null, peak_bytes: number | null,
 *   before_bytes: number | null, allocator: string | null, counts_from_bytes: number | null,
 *   left_behind_bytes: number | null,
 *   why_not: string | null, alive: Alive[], by_pass: Record<string, number>,
 *   plan: {
 *     temporary_bytes: number, needed_bytes: number, parameter_bytes: number, output_bytes: number,
 *     constant_bytes: number, modules: number
 *   } | null,
 *   weights_bytes: number | null, trainable_bytes: number | null, optimizer_bytes: number | null,
 *   rss: {
 *     stages: Record<string, number>, peak_bytes: number | null, traced_peak_bytes: number | null,
 *     growth: Growth | null
 *   } | null,
 *   sentence: string | null, problem: string | null
 * }} MemoryOf
 *
 * @typedef {{
 *   step_num: number | null, seconds: number, curve: [number, number][], planned: [number, number][],
 *   tops: {
 *     s: number, tensors: { owner: string, in_pass: string, op: string, bytes: number }[]
 *   }[]
 * }} StepMemory
 *
 * @typedef {{
 *   wave: number, arm: string, moments: { after: string, calls: number, bytes: number }[]
 * }} ResidentProcess
 *
 * @typedef {{
 *   mode: string, memory: MemoryOf, step: StepMemory | null,
 *   steps: { step_num: number, before: number, peak: number, after: number }[],
 *   rss: { traced: [number, number][], processes: ResidentProcess[] }
 * }} ModeMemory
 *
 * @typedef {{
 *   baseline: string | null, root: string, stages: { id: string, title: string }[],
 *   modes: ModeMemory[]
 * }} Memory
 */

export {};
