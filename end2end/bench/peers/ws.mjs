// The WebSocket client, found among the packages of the peers.
export { WebSocket } from "ws";
