"""Events: single ones and series, who goes, the calendar."""
