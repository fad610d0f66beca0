import { plotOf } from '../campaigns/plot.js';
import { HOURS, sumOf, type Happening, type Span } from '../campaigns/timeline.js';
import type { PlotPart } from './results-views.js';

/** What happened over time: how fast it arrived, and what people and servers made of it. */
export function timePlots(spans: readonly Span[]): PlotPart[] {
  if (spans.length === 0) return [];
  const delivered = sumOf(spans, 'delivered');
  const first = spans[0]?.counts.delivered ?? 0;
  const came = [sumOf(spans, 'left'), sumOf(spans, 'bounced'), sumOf(spans, 'complained')] as const;
  return [
    part(spans, 'delivered', ['delivered'], {
      ...{ key: 'delivered', a: delivered, b: delivered === 0 ? 0 : Math.floor((first / delivered) * 100), c: 0 },
    }),
    part(spans, 'reactions', ['left', 'bounced', 'complained'], {
      ...{ key: came.some((n) => n > 0) ? 'reactions' : 'noReactions', a: came[0], b: came[1], c: came[2] },
    }),
  ];
}

function part(spans: readonly Span[], id: string, what: readonly Happening[], title: PlotPart['title']): PlotPart {
  const valuesOf = (span: Span): number[] => what.map((one) => span.counts[one]);
  return {
    ...{ id, title, axes: { up: 'people', along: 'time' } },
    series: what.map((name, place) => ({ name, place })),
    plot: plotOf({
      places: spans.map((span) => ({
        label: span.unit === 'hour' ? `${span.place} h` : `${span.place} d`,
        values: valuesOf(span),
      })),
      longerFrom: HOURS,
    }),
    rows: spans
      .map((span) => ({ unit: span.unit, place: span.place, text: '', values: valuesOf(span) }))
      .filter(({ values }) => values.some((value) => value > 0)),
  };
}
