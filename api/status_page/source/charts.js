// Lines over the last five minutes, in the page's own colours, which follow the system's light and dark.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

const WINDOW = 300; // seconds
const HEIGHT = 190;
const dark = matchMedia("(prefers-color-scheme: dark)");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export class Chart {
  constructor(parent, { title, unit, series, format }) {
    this.series = series;
    this.format = format;
    this.data = [[], ...series.map(() => [])];
    this.figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = title;
    const what = document.createElement("span");
    what.textContent = unit;
    caption.append(" ", what);
    this.place = document.createElement("div");
    this.figure.append(caption, this.place);
    parent.append(this.figure);
    this.draw();
    dark.addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.plot.setSize({ width: this.width(), height: HEIGHT })).observe(this.figure);
  }

  width() {
    return Math.max(200, this.place.clientWidth);
  }

  draw() {
    this.plot?.destroy();
    const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    const show = (_, value) => (value == null ? "–" : this.format(value));
    this.plot = new uPlot(
      {
        width: this.width(),
        height: HEIGHT,
        legend: { markers: { fill: (_, at) => colour(this.series[at - 1]?.shade ?? "line"), width: 0 } },
        cursor: { sync: { key: "tandem" }, points: { size: 7 } },
        scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.15 : 1] } },
        axes: [
          { ...axis, size: 30, values: (_, times) => times.map((time) => new Date(time * 1000).toTimeString().slice(0, 8)), space: 90 },
          { ...axis, size: 62, incrs: this.format.steps, values: (_, values) => values.map((value) => this.format(value)) },
        ],
        series: [
          { value: (_, time) => (time == null ? "" : new Date(time * 1000).toTimeString().slice(0, 8)), label: "" },
          ...this.series.map(({ label, shade }) => ({
            label,
            stroke: colour(shade),
            fill: this.series.length > 2 ? undefined : `${colour(shade)}1a`,
            width: 2,
            points: { show: false },
            value: show,
          })),
        ],
      },
      this.data,
      this.place,
    );
  }

  add(time, values) {
    this.data[0].push(time);
    values.forEach((value, at) => this.data[at + 1].push(value));
    while (this.data[0][0] < time - WINDOW) this.data.forEach((column) => column.shift());
    this.plot.setData(this.data, false);
    this.plot.setScale("x", { min: Math.max(time - WINDOW, Math.min(this.data[0][0], time - 60)), max: time });
    if (this.plot.cursor.left < 0) this.plot.setLegend({ idx: this.data[0].length - 1 }); // what is, where nobody points
  }
}
