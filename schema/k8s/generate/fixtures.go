package main

func writeFixtures(kinds []kind) []byte { return []byte("{}\n") }
func decodeForTest()                    {}
