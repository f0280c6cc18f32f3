// Text on a canvas, cut to the room there is; widths are measured once.

const LONGEST = 400; // letters that are looked at: no place is wider

export class Texts {
  constructor() {
    /** @type {Map<string, number>} */
    this.widths = new Map();
  }

  /**
   * Text cut to a width; too narrow a place stays empty.
   * @param {CanvasRenderingContext2D} context
   * @param {string} text
   * @param {number} x
   * @param {number} y
   * @param {number} room
   */
  draw(context, text, x, y, room) {
    const width = this.width(context, text);
    if (width <= room) {
      context.fillText(text, x, y);
      return;
    }
    const letters = Math.floor((Math.min(text.length, LONGEST) * (room - 8)) / width);
    if (letters < 2) return;
    // What an op is stands at the end of its path, and which of several threads at that of its name.
    const tail = text.includes("/") ? text.slice(-letters) : (/ \d+$/.exec(text)?.[0] ?? "");
    context.fillText(`${text.slice(0, Math.max(0, letters - tail.length))}…${tail}`, x, y);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {string} text
   * @returns {number} of as many letters as are looked at
   */
  width(context, text) {
    const key = `${context.font}\n${text}`;
    let width = this.widths.get(key);
    if (width === undefined) {
      width = context.measureText(text.slice(0, LONGEST)).width;
      if (this.widths.size > 20_000) this.widths.clear();
      this.widths.set(key, width);
    }
    return width;
  }
}
