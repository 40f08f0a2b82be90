"""What tests share: emulators of DynamoDB, and a proxy that makes them fail."""
