/**
 * stream: the agent dials `GET /agent/v1/streams/<id>` as a WebSocket for each order of a poll.
 *
 * exec, attach, portforward are spliced: the agent speaks v5.channel.k8s.io (first byte of a binary message:
 * 0 stdin, 1 stdout, 2 stderr, 3 Status JSON, 4 resize, 255 close of a channel) or raw SPDY/3.1 bytes; nothing is
 * looked at on the way. Frames are at most 64 KiB. Close 1000 after the Status; 1011 when the agent gave up.
 *
 * log is read by the control plane: binary messages are log bytes; the agent sends at most `LOG_CREDIT` bytes
 * beyond what the other side acknowledged with text messages `ack <total bytes taken>`. The agent ends with close
 * 1000; a failure before the first byte is one text message `error <text>`.
 */
export const MAX_FRAME = 65_536
export const LOG_CREDIT = 262_144
