// The one error of everything that reads what a client sent: bytes, JSON, quantities, times,
// selectors. Its message names the field, the value and the rule; the caller answers 400 with it.

export class DecodeError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DecodeError'
  }
}
