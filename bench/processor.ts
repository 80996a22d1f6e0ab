/**
 * Processor time and memory of a process, from the kernel's own accounting (Linux).
 */
import { readFileSync } from 'node:fs'

/** Clock ticks per second; 100 on every Linux that Node runs on. */
const TICKS = 100

/** User and system time of a process with all its threads and the children it has reaped, in milliseconds. */
export function processorTime(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0)
  return (ticks * 1000) / TICKS
}

/** Resident memory of a process now, and at its peak, in MB. */
export function memory(pid: number): { readonly now: number; readonly peak: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1')
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+([0-9]+) kB`, 'm').exec(text)?.[1] ?? 0) / 1024
  return { now: of('VmRSS'), peak: of('VmHWM') }
}
