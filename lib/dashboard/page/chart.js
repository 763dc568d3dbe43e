/** A chart of lines over time. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { timeOf } from "./format.js";
import { html } from "./html.js";

/** Distinguishable in both schemes, also with a red-green deficiency; lines are dashed differently, too. */
const colours = ["--line1", "--line2", "--line3", "--line4", "--line5", "--line6"];
const dashes = [[], [6, 3], [2, 3], [10, 3, 2, 3]];

/**
 * `series`: names; `data`: an array of seconds, then one of values for each series. `limit`: a value at
 * which a line is drawn. The canvas says nothing to a screen reader: `label` does.
 */
export function Chart({ series, data, limit, label, scheme }) {
  const place = useRef(null);
  const plot = useRef(null);
  const names = series.join("\n");
  useEffect(() => {
    const element = place.current;
    const styles = getComputedStyle(element);
    const colour = (name) => styles.getPropertyValue(name).trim();
    const grid = { stroke: colour("--border"), width: 1 };
    const times = (_plot, seconds) => seconds.map((at) => timeOf(at * 1_000));
    const axis = { stroke: colour("--dim"), grid, ticks: grid, font: "11px system-ui" };
    const options = {
      width: Math.max(200, element.clientWidth),
      height: 210,
      cursor: { drag: { x: false, y: false } },
      legend: { live: true },
      scales: { y: { range: (_plot, _low, high) => [0, Math.max(limit * 1.25, high * 1.1)] } },
      axes: [{ ...axis, values: times, space: 80 }, { ...axis, size: 40 }],
      series: [
        { label: "Time", value: (_plot, at) => at === null ? "–" : timeOf(at * 1_000) },
        ...series.map((name, at) => ({
          label: name,
          stroke: colour(colours[at % colours.length]),
          dash: dashes[Math.floor(at / colours.length) % dashes.length],
          width: 1.5,
          points: { show: false },
        })),
      ],
      hooks: {
        draw: [(self) => {
          const y = Math.round(self.valToPos(limit, "y", true));
          const { ctx, bbox } = self;
          ctx.save();
          ctx.strokeStyle = colour("--bad");
          ctx.setLineDash([4, 4]);
          ctx.beginPath();
          ctx.moveTo(bbox.left, y);
          ctx.lineTo(bbox.left + bbox.width, y);
          ctx.stroke();
          ctx.restore();
        }],
      },
    };
    const made = plot.current = new uPlot(options, data, element);
    const resize = new ResizeObserver(() => {
      made.setSize({ width: Math.max(200, element.clientWidth), height: 210 });
    });
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
    };
  }, [names, scheme]);
  useEffect(() => plot.current?.setData(data), [data]);
  return html`<div class="chart" role="img" aria-label=${label} ref=${place}></div>`;
}
