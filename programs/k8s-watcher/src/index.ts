/** Watches a cluster and tells the API how what runs there ended. */
export { OUR_SELECTOR } from "@windlass/kubernetes";
