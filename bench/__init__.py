"""`make bench`: tradewind measured against rclone, s5cmd and azcopy on the same data, in the same run."""
