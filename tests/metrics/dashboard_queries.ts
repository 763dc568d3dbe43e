interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
}

/** The queries of the dashboard in `examples/grafana/`. */
export function dashboardQueries(): string[] {
  const url = new URL("../../examples/grafana/casty.json", import.meta.url);
  const { panels }: Dashboard = JSON.parse(Deno.readTextFileSync(url));
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
}
