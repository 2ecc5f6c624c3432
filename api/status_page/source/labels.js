// How values are written, and the steps between those beside an axis, each of which can be written so without being rounded.
const steps = (least, most) => Array.from({ length: most - least + 1 }, (_, at) => [1, 2, 5].map((step) => Number(`${step}e${least + at}`))).flat();

export const plain = (value) => value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });
export const whole = (value) => Math.round(value).toLocaleString("en");
export const duration = (seconds) =>
  seconds < 1 ? `${plain(seconds * 1000)} ms` : seconds < 120 ? `${plain(seconds)} s` : seconds < 7200 ? `${whole(seconds / 60)} min` : `${whole(seconds / 3600)} h`;

plain.steps = steps(-1, 9);
whole.steps = steps(0, 9);
duration.steps = [...steps(-4, 0), 10, 20, 60, 120, 300, 600, 1200, 3600];
