/**
 * A dashboard for the operators of a cluster, in the browser.
 *
 * @module
 */
export { type Dashboard, dashboard, type DashboardOptions } from "./lib/dashboard/dashboard.ts";
export {
  type DashboardHandler,
  dashboardHandler,
  type DashboardHandlerOptions,
} from "./lib/dashboard/dashboard_handler.ts";
export type { DashboardSource } from "./lib/dashboard/dashboard_source.ts";
