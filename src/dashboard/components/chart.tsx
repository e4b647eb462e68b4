/**
 * Charts as SVG made on the server. The drawing stretches, so texts are outside of it. Each chart has a summary
 * sentence for screen readers and its numbers in a table.
 */

import type { Child } from "hono/jsx";
import { finishedCount, type Span, scaleMax } from "../series.ts";

export type Series = {
  name: string;
  /** The class of client/dashboard.css that gives the colour. */
  style: string;
  value: (span: Span) => number | null;
};

export type ChartProps = {
  id: string;
  title: string;
  /** One sentence that summarizes the chart. */
  summary: string;
  spans: readonly Span[];
  series: readonly Series[];
  kind: "side by side" | "stacked" | "lines";
  /** Whether a span is a whole day: then days are named, else hours. */
  isDaily: boolean;
  /** A value as text. */
  format: (value: number) => string;
};

const WIDTH = 600;
const HEIGHT = 160;

/** The part of a span that its bars fill. */
const FILLED = 0.72;

/** A chart with its heading, legend, axes and numbers. */
export function Chart(props: ChartProps) {
  const { id, title, summary, spans, series, format, isDaily } = props;
  const max = scaleMax(Math.max(...spans.map((span) => heightOf(props, span))));
  const labelled = [spans.at(0), spans.at(Math.floor(spans.length / 2)), spans.at(-1)];
  return (
    <figure class="chart card">
      <figcaption>
        <h3>{title}</h3>
        <p class="soft">{summary}</p>
        <ul class="legend">
          {series.map(({ name, style }) => (
            <li>
              <svg class={`key ${style}`} viewBox="0 0 10 10" aria-hidden="true">
                <rect width="10" height="10" rx="2" />
              </svg>
              {name}
            </li>
          ))}
        </ul>
      </figcaption>
      <div class="plot">
        <ol class="scale" aria-hidden="true">
          {[max, max / 2, 0].map((value) => (
            <li>{format(value)}</li>
          ))}
        </ol>
        <svg
          class="drawing"
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${title}. ${summary}`}
        >
          <path class="grid" d={`M0 .5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}`} />
          {props.kind === "lines" ? <Lines {...props} max={max} /> : <Bars {...props} max={max} />}
          <Hints {...props} />
        </svg>
        <ol class="times" aria-hidden="true">
          {labelled.map((span) => (
            <li>{span && spanName(span, isDaily)}</li>
          ))}
        </ol>
      </div>
      <details id={`${id}-numbers`}>
        <summary id={`${id}-summary`}>Numbers</summary>
        <Numbers {...props} />
      </details>
    </figure>
  );
}

function heightOf({ series, kind }: ChartProps, span: Span): number {
  const values = series.map(({ value }) => value(span) ?? 0);
  return kind === "stacked" ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values);
}

/** Rounded to a tenth: more is noise in the page. */
function roundTo(value: number): number {
  return Math.round(value * 10) / 10;
}

function Bars({ spans, series, kind, max }: ChartProps & { max: number }) {
  const spanWidth = WIDTH / spans.length;
  const isStacked = kind === "stacked";
  const width = (spanWidth * FILLED) / (isStacked ? 1 : series.length);
  return (
    <>
      {series.map(({ style, value }, which) => {
        const d = spans.map((span, index) => {
          const height = ((value(span) ?? 0) / max) * HEIGHT;
          if (height === 0) return "";
          const below = isStacked
            ? series.slice(0, which).reduce((sum, one) => sum + (one.value(span) ?? 0), 0)
            : 0;
          const x = index * spanWidth + (spanWidth * (1 - FILLED)) / 2 + (isStacked ? 0 : which * width);
          const bottom = HEIGHT - (below / max) * HEIGHT;
          return `M${roundTo(x)} ${roundTo(bottom)}v${roundTo(-height)}h${roundTo(width)}v${roundTo(height)}z`;
        });
        return <path class={`bars ${style}`} d={d.join("")} />;
      })}
    </>
  );
}

/** A point per value, and a line between neighbouring values. */
function Lines({ spans, series, max }: ChartProps & { max: number }) {
  const spanWidth = WIDTH / spans.length;
  return (
    <>
      {series.map(({ style, value }) => {
        const points = spans.map((span, index) => {
          const y = value(span);
          return y === null
            ? null
            : `${roundTo((index + 0.5) * spanWidth)} ${roundTo(HEIGHT - (y / max) * HEIGHT)}`;
        });
        const line = points.map((point, index) => point && `${points[index - 1] ? "L" : "M"}${point}`);
        const dots = points.map((point) => point && `M${point}h0`);
        return (
          <g class={style}>
            <path class="line" d={line.join("")} />
            <path class="dots" d={dots.join("")} />
          </g>
        );
      })}
    </>
  );
}

/** The tooltip of a span. */
function Hints({ spans, series, format, isDaily }: ChartProps) {
  const spanWidth = WIDTH / spans.length;
  return (
    <>
      {spans.map((span, index) => (
        <rect class="hint-area" x={roundTo(index * spanWidth)} width={roundTo(spanWidth)} height={HEIGHT}>
          <title>
            {[
              spanName(span, isDaily),
              ...series.map((one) => `${one.name}: ${valueWords(one, span, format)}`),
            ].join("\n")}
          </title>
        </rect>
      ))}
    </>
  );
}

function Numbers({ id, title, spans, series, format, isDaily }: ChartProps) {
  const isWorthShowing = (span: Span) => finishedCount(span) + span.accepted > 0;
  const shown = spans.filter(isWorthShowing).reverse();
  if (shown.length === 0) return <p>Nothing happened in this time.</p>;
  return (
    <section id={`${id}-table`} class="table numbers" tabindex={0} aria-label={`${title}: numbers`}>
      <table>
        <caption>Newest first; times without jobs are left out.</caption>
        <thead>
          <tr>
            <th scope="col">From (UTC)</th>
            {series.map(({ name }) => (
              <th scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((span) => (
            <tr>
              <th scope="row">{spanName(span, isDaily)}</th>
              {series.map((one) => (
                <td class="number">{valueWords(one, span, format)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function valueWords({ value }: Series, span: Span, format: (value: number) => string): Child {
  const known = value(span);
  return known === null ? "–" : format(known);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The start of a span in UTC: "22 Nov 14:00", or only the day. */
function spanName({ at }: Span, isDaily: boolean): string {
  const iso = new Date(at).toISOString();
  const day = `${Number(iso.slice(8, 10))} ${MONTHS[Number(iso.slice(5, 7)) - 1]}`;
  return isDaily ? day : `${day} ${iso.slice(11, 16)}`;
}
