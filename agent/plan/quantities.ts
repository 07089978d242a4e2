// Kubernetes quantities as the plain numbers an engine takes; absent is 0.
import { milliValue, wholeValue } from '../../schema/k8s/quantity.ts'

export function amountOf(quantity: string | undefined): number {
  return milliOf(quantity) / 1000
}

/** Thousandths, rounded up. */
export function milliOf(quantity: string | undefined): number {
  return quantity === undefined ? 0 : milliValue(quantity)
}

/** Whole units, rounded up. */
export function wholeOf(quantity: string | undefined): number {
  return quantity === undefined ? 0 : wholeValue(quantity)
}
