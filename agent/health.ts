// Which containers are started and ready, kept on the disk: an agent that was restarted takes what runs for as healthy
// as it was, as a kubelet does (KEP-4781), and goes on probing. Without it every restart would take ready pods out of
// their Services until a probe was heard.

export interface Health {
  readonly started: boolean
  readonly ready: boolean
}

export class HealthRecord {
  readonly #byId: Map<string, Health>
  readonly #save: (all: ReadonlyMap<string, Health>) => Promise<void>
  #saving = false
  #changed = false

  /** `save` says itself when it fails: that costs what it would have kept, and nothing else. It never rejects. */
  constructor(known: ReadonlyMap<string, Health>, save: (all: ReadonlyMap<string, Health>) => Promise<void>) {
    this.#byId = new Map(known)
    this.#save = save
  }

  of(id: string): Health | undefined {
    return this.#byId.get(id)
  }

  note(id: string, { started, ready }: Health): void {
    const old = this.#byId.get(id)
    if (old?.started === started && old.ready === ready) return
    this.#byId.set(id, { started, ready })
    void this.#write()
  }

  forget(id: string): void {
    if (this.#byId.delete(id)) void this.#write()
  }

  /** Of containers that went while nobody looked, nothing is kept. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#byId.keys()) if (!ids.has(id)) this.forget(id)
  }

  /** One save at a time; what changes meanwhile goes with the next. */
  async #write(): Promise<void> {
    this.#changed = true
    if (this.#saving) return
    this.#saving = true
    while (this.#changed) {
      this.#changed = false
      await this.#save(this.#byId)
    }
    this.#saving = false
  }
}
