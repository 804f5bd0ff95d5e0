"""Frames to messages, by one rule for every venue."""

from ingest.mapping.frame_mapper import FrameMapper, Memory, Message, map_frame

__all__ = ["FrameMapper", "Memory", "Message", "map_frame"]
