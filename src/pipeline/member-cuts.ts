/**
 * The ranges of a line that a writer leaves out, in order: [start1, end1) and [start2, end2); both empty at the line's end
 * where they are not used.
 */
export class MemberCuts {
  start1 = 0;
  end1 = 0;
  start2 = 0;
  end2 = 0;
  #count = 0;

  /** Begins another line, which ends at `lineEnd`. */
  begin(lineEnd: number): void {
    this.#count = 0;
    this.start1 = this.end1 = this.start2 = this.end2 = lineEnd;
  }

  add(start: number, end: number): void {
    if (this.#count === 0) {
      this.start1 = start;
      this.end1 = end;
    } else {
      this.start2 = start;
      this.end2 = end;
    }
    this.#count++;
  }

  /** Leaves out the last member together with the comma before it, which belongs to the last member that stays. */
  addLast(start: number, end: number, lastKeptComma: number): void {
    if (lastKeptComma === -1) this.add(start, end);
    else if (this.#count === 1 && this.start1 > lastKeptComma) {
      this.start1 = lastKeptComma;
      this.end1 = end;
    } else this.add(lastKeptComma, end);
  }
}
