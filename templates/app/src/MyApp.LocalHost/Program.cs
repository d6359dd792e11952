using FunctionsApp.LocalHost;

return await LocalFunctionsHost.RunAsync(args, services => services.AddOwnAppMethod());
