// Numbers as people read them, in the same form as the program's.

const minus = (text: string) => {
  const rest = text.replace(/^-/, "");
  // −0.000 is zero to every digit that is shown.
  return /^[0.]*$/.test(rest) ? rest : text.replace("-", "−");
};

/** `digits` significant digits: `0.0312`, `−12.5`, `3.1e-7`. */
export function significant(value: number, digits: number): string {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : value > 0 ? "∞" : "−∞";
  const rounded = value.toExponential(digits - 1);
  const exponent = Number(rounded.split("e")[1]);
  if (exponent < -3 || exponent >= 6) return minus(rounded.replace("e+", "e")).replace("e−", "e-");
  return minus(value.toFixed(Math.max(digits - 1 - exponent, 0)));
}

/** A fixed number of decimals, so that a column lines up. */
export const fixed = (value: number, decimals: number) =>
  Number.isFinite(value) ? minus(value.toFixed(decimals)) : significant(value, 1);

/** As `fixed`, with a plus sign where the number is not negative. */
export function signed(value: number, decimals: number): string {
  const text = fixed(value, decimals);
  return text.startsWith("−") || !Number.isFinite(value) ? text : `+${text}`;
}

/** How many decimals give the largest of the values six significant digits. */
export function decimalsFor(values: Iterable<number>): number {
  let largest = 0;
  for (const value of values) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  return largest === 0 ? 1 : Math.min(Math.max(5 - Math.floor(Math.log10(largest)), 0), 12);
}

/** `150,528`. */
export const count = (n: number) => n.toLocaleString("en-US");

/** `12.0 %`, `0.50 %`, `0.004 %`. */
export function percent(share: number): string {
  const value = share * 100;
  if (value >= 99.95 || value === 0) return `${value.toFixed(0)} %`;
  if (value >= 10) return `${value.toFixed(1)} %`;
  return value >= 0.1 ? `${value.toFixed(2)} %` : `${significant(value, 1)} %`;
}
