"""Recovers what a watched program ran, so that the same work can be measured in other modes."""
