// Writes amounts the way the server does: from a pattern it sent (koinon/web/till.py, pattern).

export function written(minor, { before, after, decimal, group, groupFrom, exponent }) {
  const digits = String(minor).padStart(exponent + 1, "0");
  const whole = digits.slice(0, digits.length - exponent);
  const rest = exponent ? decimal + digits.slice(-exponent) : "";
  const grouped = whole.length >= groupFrom ? whole.replace(/\B(?=(\d{3})+$)/g, group) : whole;
  return before + grouped + rest + after;
}
