// Colours from dimmed to full and from pale to covered, mixed beforehand. Pure.
//
// Opaque colours can be painted over each other, and cost no blending.

// A merged block is the paler the less of it is covered; what does not stand out is paler still.
export const SHADES = 4;
const PALEST = 0.45;
const DIM = 0.22;

/**
 * Each colour at every shade on a background: first the dimmed ones, then the full ones, each from the
 * least to the most covered.
 * @param {string[]} colors as #rrggbb
 * @param {string} background as #rrggbb
 * @returns {string[][]}
 */
export function shades(colors, background) {
  const paper = channels(background);
  return colors.map((color) => {
    const own = channels(color);
    return [DIM, 1].flatMap((strength) =>
      Array.from({ length: SHADES }, (_, level) => {
        const part = strength * (PALEST + ((1 - PALEST) * level) / (SHADES - 1));
        const mixed = own.map((channel, index) => Math.round(part * channel + (1 - part) * paper[index]));
        return `rgb(${mixed.join(",")})`;
      }),
    );
  });
}

/**
 * @param {string} color
 * @returns {number[]}
 */
function channels(color) {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}
