"""What members bring along from other servers: files, what they would change, and the job."""
