"""Looking after the community: reports, decisions about accounts and appeals, rules for other servers, mail and
networks, and the log of who did what."""
