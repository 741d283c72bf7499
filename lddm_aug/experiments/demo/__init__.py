"""The main job in one call: tables → generator → clips → recognizers → a report to look at."""
