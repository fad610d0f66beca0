/** Keeps what was made, the one used last at the end, as long as all together are not too large; what many ask for at once is made once. */
export class SizedCache<V> {
  private readonly kept = new Map<string, V>();
  private readonly making = new Map<string, Promise<V>>();
  private size = 0;

  /** `sizeOf`: Infinity for what is not to be kept. */
  constructor(
    private readonly most: number,
    private readonly sizeOf: (value: V) => number,
  ) {}

  /** What is kept under a key, else what `make` makes. Throws as `make`; then nothing is kept. */
  async of(key: string, make: () => Promise<V>): Promise<V> {
    const known = this.kept.get(key);
    if (known !== undefined) {
      this.kept.delete(key);
      this.kept.set(key, known);
      return known;
    }
    const making = this.making.get(key) ?? this.makeOnce(key, make);
    return making;
  }

  private async makeOnce(key: string, make: () => Promise<V>): Promise<V> {
    const making = make();
    this.making.set(key, making);
    try {
      const value = await making;
      this.keep(key, value);
      return value;
    } finally {
      this.making.delete(key);
    }
  }

  private keep(key: string, value: V): void {
    const size = this.sizeOf(value);
    if (size > this.most) return;
    this.kept.set(key, value);
    this.size += size;
    for (const [oldest, one] of this.kept) {
      if (this.size <= this.most) break;
      this.kept.delete(oldest);
      this.size -= this.sizeOf(one);
    }
  }
}
